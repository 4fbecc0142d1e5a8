/**
 * What the edge asks about a connection before it serves it. The answer is made by a flow
 * (`flows/admit-handshake.ts`), handed in by the app: adapters know no flows.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { ClientHelloErrorCode } from '../../wire/client-hello.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'

export interface ConnectionSeen {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly listener: string
  /** Milliseconds since the Unix epoch. */
  readonly acceptedAt: number
  /** Id of the profile that the session it wants to resume was made for; only out of a ticket of ours. */
  readonly lineage?: string | undefined
}

export type HelloSeen =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | {
      readonly kind: 'error'
      readonly code: ClientHelloErrorCode | 'timeout' | 'closed'
      readonly hello?: ClientHello
    }

export interface Gatekeeper {
  admitHandshake(connection: ConnectionSeen, seen: HelloSeen): Decision
  admitPlain(connection: ConnectionSeen): Decision
}
