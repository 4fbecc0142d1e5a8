/**
 * Places for connections: so many at once. When all are taken, the one that has been idle longest of those that have not shown who they are
 * gives way to a new one; whoever is known keeps its place. So strangers who say nothing keep nobody out.
 *
 * @module
 */
import type { Socket } from 'node:net'

export class ConnectionPlaces {
  readonly #max: number
  readonly #known = new Map<string, Socket>()
  /** The longest idle first. */
  readonly #strangers = new Map<string, Socket>()

  constructor(max: number) {
    this.#max = max
  }

  /** Of a connection before it has said anything: it is closed when there is no place for it. */
  enter(socket: Socket): void {
    if (this.#known.size + this.#strangers.size >= this.#max) {
      const [longest] = this.#strangers
      if (longest === undefined) {
        socket.destroy()
        return
      }
      this.#strangers.delete(longest[0])
      longest[1].destroy()
    }
    const peer = peerOf(socket)
    this.#strangers.set(peer, socket)
    socket.once('close', () => {
      for (const held of [this.#known, this.#strangers]) {
        // The peer may have come again from the same port.
        if (held.get(peer) === socket) held.delete(peer)
      }
    })
  }

  /** Of a connection, or of what TLS makes of it: it has asked for something. */
  asked(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>, isKnown: boolean): void {
    const peer = peerOf(socket)
    const held = this.#known.get(peer) ?? this.#strangers.get(peer)
    if (held === undefined) return
    this.#strangers.delete(peer)
    const into = isKnown || this.#known.has(peer) ? this.#known : this.#strangers
    into.set(peer, held)
  }
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>) {
  return `${remoteAddress} ${remotePort}`
}
