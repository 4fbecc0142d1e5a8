/**
 * The parts of Node that its streams are made of and that have no public name: of a connection the edge needs these alone
 * (`docs/decisions/0009-tls-without-tls-socket.md`). Node versions that were not tried, and those without them, get
 * sockets instead.
 *
 * @module
 */
import { INTERNALS_TRIED, type WritableHandle } from './socket.ts'

/** The native end of a connection, TCP or TLS. */
export interface StreamHandle extends WritableHandle {
  /** Whose it is, for `onread`. */
  channel: { read(length: number): void }
  onread(): void
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  shutdown(request: ShutdownRequest): number
}

export interface TcpHandle extends StreamHandle {
  setNoDelay(noDelay: boolean): number
  /** 0 when `into` holds the address of the other side. */
  getpeername(into: Partial<SocketName>): number
  getsockname(into: Partial<SocketName>): number
  close(onClosed: () => void): void
}

export interface SocketName {
  address: string
  port: number
}

/** Node's `TLSWrap`, as far as it is used here. */
export interface TlsHandle extends StreamHandle {
  /** Whose it is, for what follows. */
  session: { secured(): void; fail(reason: 'failed'): void }
  onhandshakestart(): void
  onhandshakedone(): void
  onerror(): void
  setVerifyMode(requestCertificate: boolean, rejectUnauthorized: boolean): void
  setALPNProtocols(list: Uint8Array): void
  receive(octets: Uint8Array): void
  destroySSL(): void
  isSessionReused(): boolean
  getProtocol(): string
  getALPNNegotiatedProtocol(): string | false
}

export interface ShutdownRequest {
  handle: StreamHandle
  channel: { onShut(): void }
  oncomplete: () => void
}

export interface NativeStreams {
  wrap(handle: unknown, context: unknown, isServer: boolean, hasWrites: boolean): TlsHandle
  readonly ShutdownWrap: new () => ShutdownRequest
  /** Where the native side leaves the number of octets read, or an error below 0. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
}

function nativeStreams(): NativeStreams | undefined {
  const { binding } = process as { binding?: (name: string) => Record<string, unknown> }
  if (!INTERNALS_TRIED || binding === undefined) return undefined
  try {
    const { wrap } = binding('tls_wrap')
    const { ShutdownWrap, streamBaseState, kReadBytesOrError } = binding('stream_wrap')
    if (wrap === undefined || ShutdownWrap === undefined) return undefined
    return { wrap, ShutdownWrap, streamBaseState, kReadBytesOrError } as NativeStreams
  } catch {
    return undefined
  }
}

/** Undefined where this Node is not one of those tried. */
export const NATIVE: NativeStreams | undefined = nativeStreams()

const { streamBaseState, kReadBytesOrError } = NATIVE ?? {
  streamBaseState: new Int32Array(1),
  kReadBytesOrError: 0,
}

/** Octets read, or an error below 0: valid within `onread`. */
export function lengthRead(): number {
  return streamBaseState[kReadBytesOrError] as number
}
