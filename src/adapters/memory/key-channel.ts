/**
 * The channel of media keys within one process: service, transports and devices side by side, in examples, measurements and tests. A
 * message is delivered in a later turn, as over a network.
 *
 * @module
 */
import type { KeyChannel, PartyChannel } from '../../ports/key-channel.ts'

export interface MemoryKeyChannel {
  readonly service: KeyChannel
  /** The end of one party; a party that begins anew takes its end over. */
  party(name: string): PartyChannel
}

export function memoryKeyChannel(): MemoryKeyChannel {
  const parties = new Map<string, (message: Uint8Array) => void>()
  let service: ((from: string, answer: Uint8Array) => void) | undefined
  return {
    service: {
      send: (to, message) => void setImmediate(() => parties.get(to)?.(Uint8Array.from(message))),
      listen: (heard) => {
        service = heard
      },
    },
    party: (name) => ({
      send: (answer) => void setImmediate(() => service?.(name, Uint8Array.from(answer))),
      listen: (heard) => parties.set(name, heard),
    }),
  }
}
