/**
 * A TCP connection as it was accepted: the native end alone, or a Node socket where this Node was not tried without
 * (`native-streams.ts`). A socket of Node's costs a handshake as much as the whole of admission, and an idle connection
 * three kilobytes.
 *
 * @module
 */
import type net from 'node:net'
import { type Channel, SocketChannel } from './channel.ts'
import { HandleChannel } from './handle-channel.ts'
import type { NativeStreams, SocketName, TcpHandle } from './native-streams.ts'

export interface Accepted {
  /** What is spoken over before there is TLS. */
  readonly channel: Channel
  readonly destroyed: boolean
  /** '' when the client is gone already. IPv4 as such, also when it came by IPv6. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  /** The native end, for TLS on top of it. */
  readonly handle: unknown
  /** Calls `listener` when the connection is gone; those added first come first. */
  onClose(listener: () => void): void
  destroy(): void
}

export class SocketAccepted implements Accepted {
  readonly socket: net.Socket
  readonly channel: Channel

  constructor(socket: net.Socket) {
    this.socket = socket
    this.channel = new SocketChannel(socket)
    // What went wrong shows in that it closes.
    socket.on('error', () => {})
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  get remoteAddress(): string {
    return plainAddress(this.socket.remoteAddress)
  }

  get remotePort(): number {
    return this.socket.remotePort ?? 0
  }

  get localAddress(): string {
    return plainAddress(this.socket.localAddress)
  }

  get handle(): unknown {
    return (this.socket as unknown as { readonly _handle: unknown })._handle
  }

  onClose(listener: () => void): void {
    this.socket.once('close', listener)
  }

  destroy(): void {
    this.socket.destroy()
  }
}

export class HandleAccepted implements Accepted {
  readonly handle: TcpHandle
  readonly channel: Channel
  readonly encrypted = false
  readonly remoteAddress: string
  readonly remotePort: number
  destroyed = false
  readonly #onClose: (() => void)[] = []

  constructor(handle: TcpHandle, streams: NativeStreams) {
    this.handle = handle
    this.channel = new HandleChannel(handle, streams, this)
    handle.setNoDelay(true)
    const name: Partial<SocketName> = {}
    const isKnown = handle.getpeername(name) === 0
    this.remoteAddress = isKnown ? plainAddress(name.address) : ''
    this.remotePort = name.port ?? 0
  }

  get localAddress(): string {
    const name: Partial<SocketName> = {}
    return this.handle.getsockname(name) === 0 ? plainAddress(name.address) : ''
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener)
  }

  isOver(): boolean {
    return false
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.handle.close(() => {
      for (const listener of this.#onClose) listener()
    })
  }
}

/** What IPv6 sockets call IPv4 clients. */
const MAPPED = '::ffff:'

function plainAddress(address = ''): string {
  return address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address
}
