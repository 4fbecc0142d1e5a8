/**
 * `import ... from 'limen'`: the door of the package. What is here is public and kept stable from version to
 * version; everything else is the house's own. A server is started by the `limen` command, or by `up()`.
 *
 * @module
 */
// biome-ignore-start lint/performance/noBarrelFile: a package needs one door
export type { Decision, HandshakeView, Reason } from './behavior/decision.ts'
export { explainDecision } from './behavior/explain.ts'
export { type Ja4, type Ja4Input, type Ja4Transport, ja4 } from './behavior/handshake/ja4.ts'
export { guessClient } from './behavior/handshake/known-clients.ts'
export type { Tier } from './behavior/tier.ts'
export { LimenError } from './ground/limen-error.ts'
export {
  type ClientHelloErrorCode,
  type ClientHelloOutcome,
  ClientHelloReader,
  type ClientHelloReaderOptions,
} from './wire/client-hello.ts'
export type { ClientHello } from './wire/client-hello-message.ts'
// biome-ignore-end lint/performance/noBarrelFile: a package needs one door
