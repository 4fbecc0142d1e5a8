/**
 * An HTTP/2 client that sends what it is told, right or wrong, and says what came back.
 *
 * @module
 */
import { once } from 'node:events'
import tls from 'node:tls'
import { HpackDecoder } from '../../src/wire/hpack-decoder.ts'
import { HpackEncoder } from '../../src/wire/hpack-encoder.ts'
import * as h2 from '../../src/wire/http2-frame.ts'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export type Fields = readonly (readonly [name: string, value: string])[]

export interface StreamSeen {
  readonly heads: [string, string][][]
  body: string
  bodyBytes: number
  ended: boolean
  reset: number | undefined
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(h2.FRAME_HEADER_BYTES)
  h2.writeFrameHeader(head, 0, payload.length, type, flags, stream)
  return Buffer.concat([head, payload])
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function settings(entries: readonly (readonly [name: number, value: number])[]): Buffer {
  return frame(
    h2.SETTINGS,
    0,
    0,
    Buffer.concat(
      entries.map(([name, value]) => Buffer.concat([Buffer.of(name >> 8, name & 255), u32(value)])),
    ),
  )
}

/** The pseudo fields of an ordinary request. */
export const asking = (path: string, method = 'GET'): Fields => [
  [':method', method],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', path],
]

export class Http2Peer {
  readonly socket: tls.TLSSocket
  readonly streams = new Map<number, StreamSeen>()
  readonly frames: Frame[] = []
  /** Error code of the GOAWAY that came, if any. */
  goAway: number | undefined
  closed = false
  /** Give back windows as data comes. */
  generous = true
  readonly #encoder = new HpackEncoder(4096)
  readonly #decoder = new HpackDecoder(4096, 65_536)
  #rest = Buffer.alloc(0)
  #block = Buffer.alloc(0)
  #waiting: (() => void)[] = []
  #next = 1

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#tell()
    })
  }

  /** Connects; `first` is what is sent behind the preface, an empty SETTINGS unless said otherwise. */
  static async connect(port: number, first: Buffer = settings([])): Promise<Http2Peer> {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    const peer = new Http2Peer(socket)
    peer.write(Buffer.from(h2.PREFACE), first)
    return peer
  }

  write(...pieces: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(pieces))
  }

  /** A header block of this connection. */
  block(fields: Fields): Buffer {
    const out = Buffer.alloc(
      200 + fields.reduce((sum, [name, value]) => sum + name.length * 4 + value.length * 4 + 16, 0),
    )
    let at = this.#encoder.begin(out, 0)
    for (const [name, value] of fields) at = this.#encoder.encode(name, value, out, at)
    return out.subarray(0, at)
  }

  /** HEADERS of a new stream, with CONTINUATIONs when long; returns its id. */
  request(fields: Fields, ends = true): number {
    const id = this.#next
    this.#next += 2
    this.headers(id, fields, ends)
    return id
  }

  headers(id: number, fields: Fields, ends: boolean): void {
    const block = this.block(fields)
    for (let at = 0; at === 0 || at < block.length; at += h2.FRAME_BYTES_MAX) {
      const last = at + h2.FRAME_BYTES_MAX >= block.length
      const flags = (last ? h2.END_HEADERS : 0) | (ends && at === 0 ? h2.END_STREAM : 0)
      this.write(
        frame(
          at === 0 ? h2.HEADERS : h2.CONTINUATION,
          flags,
          id,
          block.subarray(at, at + h2.FRAME_BYTES_MAX),
        ),
      )
    }
  }

  data(id: number, text: string, ends: boolean): void {
    this.write(frame(h2.DATA, ends ? h2.END_STREAM : 0, id, Buffer.from(text, 'latin1')))
  }

  stream(id: number): StreamSeen {
    const known = this.streams.get(id)
    if (known !== undefined) return known
    const made: StreamSeen = { heads: [], body: '', bodyBytes: 0, ended: false, reset: undefined }
    this.streams.set(id, made)
    return made
  }

  /** The status of a stream's final answer; `reset 8` or `goaway 1` when there is none. */
  result(id: number): string {
    const { heads, reset } = this.stream(id)
    const status = heads.at(-1)?.find(([name]) => name === ':status')?.[1]
    if (status !== undefined) return status
    if (reset !== undefined) return `reset ${reset}`
    return this.goAway === undefined ? 'nothing' : `goaway ${this.goAway}`
  }

  /** Waits until `holds`, the connection closes, or the time is over; false for the latter. */
  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      this.#tell()
    }, withinMs)
    while (!holds() && !this.closed && !timedOut) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    clearTimeout(timer)
    return holds() || this.closed
  }

  async over(id: number, withinMs: number): Promise<boolean> {
    return this.until(() => {
      const { ended, reset } = this.stream(id)
      return ended || reset !== undefined || this.goAway !== undefined
    }, withinMs)
  }

  close(): void {
    this.socket.destroy()
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= h2.FRAME_HEADER_BYTES) {
      const end = h2.FRAME_HEADER_BYTES + h2.readU24(this.#rest, 0)
      if (this.#rest.length < end) break
      this.#frame({
        type: this.#rest[3] ?? 0,
        flags: this.#rest[4] ?? 0,
        stream: h2.readU32(this.#rest, 5) & 0x7fffffff,
        payload: this.#rest.subarray(h2.FRAME_HEADER_BYTES, end),
      })
      this.#rest = this.#rest.subarray(end)
    }
    this.#tell()
  }

  #frame(seen: Frame): void {
    const { type, flags, stream, payload } = seen
    if (type !== h2.DATA) this.frames.push({ ...seen, payload: Buffer.from(payload) })
    switch (type) {
      case h2.SETTINGS:
        if ((flags & h2.ACK) === 0) this.write(frame(h2.SETTINGS, h2.ACK, 0))
        break
      case h2.HEADERS:
      case h2.CONTINUATION:
        this.#block = Buffer.concat([this.#block, payload])
        if ((flags & h2.END_HEADERS) !== 0) this.#head(stream)
        if (type === h2.HEADERS && (flags & h2.END_STREAM) !== 0) this.stream(stream).ended = true
        break
      case h2.DATA:
        this.#data(this.stream(stream), seen)
        break
      case h2.RST_STREAM:
        this.stream(stream).reset = h2.readU32(payload, 0)
        break
      case h2.GOAWAY:
        this.goAway = h2.readU32(payload, 4)
        break
      default:
    }
  }

  #head(stream: number): void {
    const fields: [string, string][] = []
    const error = this.#decoder.decode(
      this.#block,
      0,
      this.#block.length,
      1 << 20,
      ({ name, value }) => {
        fields.push([name, value])
      },
    )
    if (error !== undefined) throw new Error(`The edge sent a header block that is wrong: ${error}`)
    this.#block = Buffer.alloc(0)
    this.stream(stream).heads.push(fields)
  }

  #data(stream: StreamSeen, { flags, stream: id, payload }: Frame): void {
    stream.bodyBytes += payload.length
    if (stream.body.length < 65_536) stream.body += payload.toString('latin1')
    if ((flags & h2.END_STREAM) !== 0) stream.ended = true
    if (!this.generous || payload.length === 0) return
    this.write(
      frame(h2.WINDOW_UPDATE, 0, 0, u32(payload.length)),
      frame(h2.WINDOW_UPDATE, 0, id, u32(payload.length)),
    )
  }
}
