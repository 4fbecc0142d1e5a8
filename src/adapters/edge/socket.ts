/**
 * The one place that knows how a Node socket hands over what it read. Every chunk lands in `OCTETS` and
 * goes to one function, past the stream machinery: no event, no queue, no memory per idle connection.
 *
 * Node has this for sockets one makes oneself (`onread` of net.connect), not for accepted ones and TLS
 * servers. The same three steps are taken here for those; where a Node version should lack them, the
 * override of `Readable.push` does the same at the cost of one allocation and copy per read.
 * `docs/decisions/0004-reading-into-one-buffer.md` has the measurements.
 *
 * @module
 */
import net from 'node:net'
import { OCTETS, READ_AT, READ_BYTES, READ_VIEW } from './octets.ts'

/** Octets lie in `OCTETS[from..to)` during the call. Returns false to stop reading until `resumeReads`. */
export type OnRead = (from: number, to: number) => boolean

/** The native end of a socket, as far as it can be written to. */
export interface WritableHandle {
  writeBuffer(request: null, octets: Uint8Array): number | WriteRequest
}

interface Handle extends WritableHandle {
  reading: boolean
  readStop(): void
  useUserBuffer?(buffer: Uint8Array): void
}

/** What Node makes of a write that did not complete at once. */
export interface WriteRequest {
  handle: WritableHandle
  oncomplete: (status: number) => void
  /** Destroyed when the write fails. */
  owner: { destroy(): void }
  onComplete: () => void
  buffer: Uint8Array
  async: boolean
  callback: undefined
  /** Set when the write completed before `oncomplete` was. */
  writeStatus?: number | null
  /** Set when TLS could not write at all. */
  error?: string
}

interface Inner {
  _handle?: Handle | null
  push(chunk: Buffer | null): boolean
  [symbol: symbol]: unknown
}

/** The properties in which `net.Socket` keeps its `onread` options, undefined where Node has none. */
function onreadSymbols(): { readonly buffer: symbol; readonly callback: symbol } | undefined {
  const probe = new net.Socket({ onread: { buffer: READ_VIEW, callback: () => true } })
  const named = (name: string) =>
    Object.getOwnPropertySymbols(probe).find(({ description }) => description === name)
  const buffer = named('kBuffer')
  const callback = named('kBufferCb')
  probe.destroy()
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback }
}

const SYMBOLS = onreadSymbols()

/** Whether this Node has what is needed; else every read costs one allocation and one copy more. */
export const READS_BYPASS_STREAMS: boolean = SYMBOLS !== undefined

/** Sends all that `socket` reads to `onRead`, instead of into its stream; again to change `onRead`. */
export function takeReads(socket: net.Socket, onRead: OnRead): void {
  const inner = socket as unknown as Inner
  const handle = inner._handle
  if (SYMBOLS === undefined || typeof handle?.useUserBuffer !== 'function') {
    overridePush(inner, onRead)
    return
  }
  if (inner[SYMBOLS.buffer] === null) handle.useUserBuffer(READ_VIEW)
  inner[SYMBOLS.buffer] = READ_VIEW
  // Not a literal at the property: `onWritten` says why.
  const callback = (length: number): boolean => onRead(READ_AT, READ_AT + length)
  inner[SYMBOLS.callback] = callback
}

function overridePush(inner: Inner, onRead: OnRead): void {
  const { push } = net.Socket.prototype as unknown as Inner
  inner.push = (chunk) => {
    if (chunk === null) return push.call(inner, null)
    let more = true
    for (let at = 0; at < chunk.length; at += READ_BYTES) {
      const length = chunk.copy(OCTETS, READ_AT, at, at + READ_BYTES)
      more = onRead(READ_AT, READ_AT + length)
    }
    return more
  }
}

/** TLS is about to read this socket in our place: what is unshifted must go into its stream again. */
export function giveBackReads(socket: net.Socket): void {
  const inner = socket as unknown as Inner
  // What read the greeting, and the hello it holds, must not live as long as the connection.
  if (SYMBOLS !== undefined && inner[SYMBOLS.buffer] !== null) inner[SYMBOLS.callback] = ignore
  // Not `delete`: that would turn the socket into a slow object for the rest of its life.
  if (Object.hasOwn(inner, 'push')) inner.push = (net.Socket.prototype as unknown as Inner).push
}

/**
 * Node versions whose internals were tried. Since 26.10 a write that completes at once makes no request
 * object, and takes `null` for one; other versions want an object there and end the process without.
 */
export const INTERNALS_TRIED: boolean = isTried(process.versions.node)

function isTried(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major === 26 && minor >= 10
}

/** What became of a write past the stream: complete, to be completed by libuv, or not possible. */
export type WrittenPast = 'done' | 'pending' | 'unable'

/**
 * Writes past the stream of a socket. A small write to plain TCP completes in the call nearly always; TLS
 * encrypts in the call and completes later. What is pending has to be waited for: over TLS a second write
 * before `onComplete` would end the process.
 */
export function writePast(
  socket: net.Socket,
  octets: Uint8Array,
  onComplete: () => void,
): WrittenPast {
  if (!INTERNALS_TRIED || socket.writableLength > 0 || socket.connecting) return 'unable'
  const handle = (socket as unknown as Inner)._handle
  if (!handle || socket.writableEnded) return 'unable'
  return writeToHandle(handle, octets, socket, onComplete)
}

/** As {@link writePast}, for the native end itself; `owner` is destroyed when the write fails. */
export function writeToHandle(
  handle: WritableHandle,
  octets: Uint8Array,
  owner: { destroy(): void },
  onComplete: () => void,
): WrittenPast {
  const written = handle.writeBuffer(null, octets)
  if (written === 0) return 'done'
  if (typeof written === 'number') {
    owner.destroy()
    return 'done'
  }
  written.handle = handle
  written.buffer = octets
  written.callback = undefined
  written.async = true
  written.owner = owner
  written.onComplete = onComplete
  written.oncomplete = onWritten
  if (written.error !== undefined) owner.destroy()
  const status = written.writeStatus
  if (typeof status === 'number') {
    written.writeStatus = null
    if (status < 0) owner.destroy()
    return 'done'
  }
  return 'pending'
}

/**
 * One function for all writes. A function literal that is assigned to a property is made in the old generation by V8:
 * what it holds, a whole connection, would outlive every small collection.
 */
function onWritten(this: WriteRequest, status: number): void {
  if (status < 0) this.owner.destroy()
  else this.onComplete()
}

function ignore(): boolean {
  return true
}

/** Reads on after `onRead` returned false, or after {@link stopReads}. */
export function resumeReads(socket: net.Socket): void {
  if (!socket.destroyed) socket._read(0)
}

/** Stops reading outside of a read callback. */
export function stopReads(socket: net.Socket): void {
  const handle = (socket as unknown as Inner)._handle
  if (!handle?.reading) return
  handle.reading = false
  handle.readStop()
}
