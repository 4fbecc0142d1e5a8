/**
 * A client's HTTP/2 connection (RFC 9113): frames, settings, flow control, header compression; its
 * streams are `Http2Stream`s. Every way in which a client can make work for nothing has a price, and
 * who runs out of patience is told ENHANCE_YOUR_CALM.
 *
 * @module
 */
import { HpackDecoder } from '../../wire/hpack-decoder.ts'
import { HpackEncoder } from '../../wire/hpack-encoder.ts'
import * as h2 from '../../wire/http2-frame.ts'
import type { Channel } from './channel.ts'
import { type ClientConnection, DRAIN_IDLE_MS, type Speaker } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { Http2Output } from './http2-output.ts'
import { type FieldMeaning, RequestFields } from './http2-request.ts'
import { Http2Stream } from './http2-stream.ts'
import { keep, OCTETS, prepend } from './octets.ts'
import { Outlet } from './outlet.ts'

const TABLE_BYTES = 4096
/**
 * One string may be this many times what a head may have: it is decoded, so that the compression table
 * stays in step, and the request is answered 431. A block has twice, Huffman makes 8/5 of it.
 */
const STRING_FACTOR = 4
/** What one stream may send before it is given more; and all of a connection. */
const STREAM_WINDOW = 262_144
const CONNECTION_WINDOW = 1_048_576
/** Octets that wait in the socket before DATA is held back. */
export const SOCKET_BYTES_MAX = 262_144
/** CONTINUATION frames of one header block (CVE-2024-27983 and its like). */
const CONTINUATIONS_MAX = 32
/**
 * Patience: what a client may make us do for nothing. Full at the start, refilled with time; a reset of
 * an unanswered request costs most (CVE-2023-44487: 200 at once, then 20 a second).
 */
const PATIENCE_MAX = 1000
const PATIENCE_PER_SECOND = 100
const RESET_PRICE = 5
const CONTROL_PRICE = 1
/** Smaller steps of a window are charged for. Clients give back kilobytes at a time. */
const WINDOW_STEP_MIN = 256
/** Settings of one frame that cost as much as a frame. There are six. */
const SETTINGS_PER_PRICE = 8
/** Clients skip no ids, as a rule; of one that does only the latest gaps are remembered. */
const SKIPPED_MAX = 64
/** While streams need watching their deadlines are looked at this often. */
const WATCH_MS = 500
const LINGER_MS = 1000
/**
 * Chromium fails a request that it is about to send when GOAWAY arrives (it has taken the connection for it, but given it no
 * stream yet, and does not ask again), so a connection is asked to end when nothing has run on it for this long; pages
 * that load, or poll in turn, ask for the next thing sooner.
 */
const QUIET_MS = 100
/** A drain waits so long for such a moment. */
const QUIET_WAIT_MS = 1000
/** Names no stream: none is refused yet (RFC 9113 section 6.8). */
const STREAM_ID_MAX = 0x7fffffff

/** Header fields are gathered within one callback: one set serves all connections of a worker. */
const fields = new RequestFields()

export class Http2Connection implements Speaker {
  readonly edge: EdgeContext
  readonly client: ClientConnection
  readonly output: Http2Output
  readonly encoder = new HpackEncoder(TABLE_BYTES)
  deadline = Number.POSITIVE_INFINITY
  /** Octets of responses that wait for a window, over all streams. */
  queued = 0
  /** What the peer lets us send, on the whole connection and at the start of a stream. */
  sendWindow = h2.WINDOW_DEFAULT
  streamWindow = h2.WINDOW_DEFAULT
  readonly #channel: Channel
  readonly #outlet: Outlet
  readonly #decoder: HpackDecoder<FieldMeaning>
  readonly #streams = new Map<number, Http2Stream>()
  #prefaceLeft = h2.PREFACE.length
  #settingsSeen = false
  #pending: Buffer | undefined
  #lastStream = 0
  /** Ids below the last that were never used: first and last of each gap. */
  readonly #skipped: number[] = []
  #tableBytes = TABLE_BYTES
  #received = 0
  // A header block that goes on in CONTINUATION frames.
  #blockStream = 0
  #block: Buffer[] = []
  #blockBytes = 0
  #blockEnds = false
  #patience = PATIENCE_MAX
  // A number from the start, as `deadline`.
  #patienceAt = Number.POSITIVE_INFINITY
  #goingAway = false
  #heldBack = false
  /** When the client will be asked to open no more streams, if there is no quiet moment before; undefined: it will not, or was. */
  #leaveBy: number | undefined
  #quietAt = 0
  /** When a drain stops waiting for streams on their way. */
  #drainUntil = Number.POSITIVE_INFINITY
  /** As promised in our SETTINGS: a reload does not take it back. */
  readonly #streamsMax: number
  #closed = false
  #suffixes = new Map<string, string>()

  constructor(client: ClientConnection, edge: EdgeContext) {
    this.edge = edge
    this.client = client
    this.#channel = client.channel
    const { limits, timeouts } = edge.settings
    this.#decoder = new HpackDecoder(TABLE_BYTES, limits.headBytes * STRING_FACTOR)
    this.#patienceAt = edge.now()
    this.deadline = edge.lately + timeouts.headMs
    this.#outlet = new Outlet(this.#channel, () => this.#drained())
    this.output = new Http2Output(this.#outlet, (bytes) => {
      edge.meter.bytesOut += bytes
      client.bytesOut += bytes
    })
    this.#channel.takeReads((from, to) => this.#read(from, to))
    this.#channel.onEnd(() => this.#close())
    this.#streamsMax = limits.h2StreamsMax
    this.#sendSettings(limits.h2StreamsMax, limits.headBytes)
  }

  drain(): void {
    this.#leave(this.edge.lately + QUIET_WAIT_MS)
  }

  expire(now: number): void {
    if (this.#closed) {
      this.#channel.destroy()
      return
    }
    if (this.#isLeaveDue(now)) {
      this.#askToLeave()
      return
    }
    if (this.#streams.size === 0 || this.#blockStream > 0) {
      this.#goAway(h2.NO_ERROR)
      this.#close()
      return
    }
    if (this.#drainUntil < now) this.#goAway(h2.NO_ERROR)
    for (const stream of this.#streams.values()) if (stream.deadline < now) stream.expire(now)
    this.#watch()
  }

  recheck(): void {
    for (const stream of [...this.#streams.values()]) stream.recheck()
  }

  /** Wants the connection to end: at the next quiet moment, or when `by` has come. */
  #leave(by: number): void {
    if (this.#goingAway || this.#closed || this.#drainUntil < Number.POSITIVE_INFINITY) return
    if (this.#leaveBy === undefined) this.#quietAt = this.edge.now() + QUIET_MS
    this.#leaveBy = Math.min(by, this.#leaveBy ?? by)
    if (this.#streams.size === 0) this.deadline = Math.min(this.deadline, this.#quietAt)
  }

  #isLeaveDue(now: number): boolean {
    if (this.#leaveBy === undefined || this.#goingAway || this.#blockStream > 0) return false
    return this.#leaveBy < now || (this.#streams.size === 0 && this.#quietAt <= now)
  }

  /**
   * Asks the client to open no more streams (section 6.8); those on their way are still served, until
   * the last one is named in a second GOAWAY.
   */
  #askToLeave(): void {
    this.#writeGoAway(STREAM_ID_MAX, h2.NO_ERROR)
    this.#leaveBy = undefined
    this.#drainUntil = this.edge.lately + DRAIN_IDLE_MS
    this.deadline = this.#drainUntil
    if (this.#streams.size > 0) this.#watch()
  }

  /** Forwarding fields for an authority; browsers use few per connection. */
  suffix(authority: string, make: () => string): string {
    const known = this.#suffixes.get(authority)
    if (known !== undefined) return known
    if (this.#suffixes.size >= 16) this.#suffixes.clear()
    const made = make()
    this.#suffixes.set(authority, made)
    return made
  }

  /** A stream is over in both directions, or was reset. */
  over(stream: Http2Stream): void {
    this.#streams.delete(stream.id)
    if (this.#streams.size > 0) return
    if (this.#goingAway) this.#close()
    else {
      const idleUntil = this.edge.lately + this.edge.settings.timeouts.idleMs
      this.deadline = Math.min(idleUntil, this.#drainUntil)
      if (this.#leaveBy !== undefined) {
        this.#quietAt = this.edge.now() + QUIET_MS
        this.deadline = Math.min(this.deadline, this.#quietAt)
      }
    }
  }

  resetStream(id: number, code: number): void {
    this.output.room(13)
    const at = h2.writeFrameHeader(this.output.buffer, this.output.used, 4, h2.RST_STREAM, 0, id)
    h2.writeU32(this.output.buffer, at, code)
    this.output.used = at + 4
  }

  /** Lets the client send `bytes` more on a stream (0: the connection). */
  allow(stream: number, bytes: number): void {
    this.output.room(13)
    const { buffer } = this.output
    const at = h2.writeFrameHeader(buffer, this.output.used, 4, h2.WINDOW_UPDATE, 0, stream)
    h2.writeU32(buffer, at, bytes)
    this.output.used = at + 4
  }

  /** DATA may be written now: the socket takes it. */
  get open(): boolean {
    const isOpen = this.#outlet.waiting < SOCKET_BYTES_MAX
    if (!isOpen) this.#heldBack = true
    return isOpen
  }

  get writable(): boolean {
    return !this.#channel.destroyed
  }

  #watch(): void {
    this.deadline = this.edge.lately + WATCH_MS
    if (this.#leaveBy !== undefined) this.deadline = Math.min(this.deadline, this.#leaveBy)
  }

  // --- Reading -------------------------------------------------------------------------------------

  #read(start: number, to: number): boolean {
    let from = start
    this.edge.meter.bytesIn += to - from
    this.client.bytesIn += to - from
    if (this.#closed) return true
    if (this.#pending !== undefined) {
      from = prepend(this.#pending)
      this.#pending = undefined
    }
    if (this.#prefaceLeft > 0) {
      from = this.#preface(from, to)
      if (from < 0) return true
    }
    while (to - from >= h2.FRAME_HEADER_BYTES) {
      const length = h2.readU24(OCTETS, from)
      if (length > h2.FRAME_BYTES_MAX) {
        this.#fail(h2.FRAME_SIZE_ERROR)
        return true
      }
      const payload = from + h2.FRAME_HEADER_BYTES
      const end = payload + length
      if (end > to) break
      this.#frame(OCTETS[from + 3] as number, OCTETS[from + 4] as number, from, payload, end)
      if (this.#closed) return true
      from = end
    }
    if (from < to) this.#pending = keep(from, to)
    return true
  }

  #preface(from: number, to: number): number {
    const begun = h2.PREFACE.length - this.#prefaceLeft
    const length = Math.min(this.#prefaceLeft, to - from)
    for (let i = 0; i < length; i++) {
      if (OCTETS[from + i] !== h2.PREFACE[begun + i]) {
        this.#fail(h2.PROTOCOL_ERROR)
        return -1
      }
    }
    this.#prefaceLeft -= length
    return from + length
  }

  #frame(type: number, flags: number, from: number, payload: number, end: number): void {
    const stream = h2.readU32(OCTETS, from + 5) & 0x7fffffff
    if (this.#blockStream > 0 && (type !== h2.CONTINUATION || stream !== this.#blockStream)) {
      this.#fail(h2.PROTOCOL_ERROR)
      return
    }
    if (!this.#settingsSeen && type !== h2.SETTINGS) {
      this.#fail(h2.PROTOCOL_ERROR)
      return
    }
    switch (type) {
      case h2.DATA:
        this.#data(stream, flags, payload, end)
        break
      case h2.HEADERS:
        this.#headers(stream, flags, payload, end)
        break
      case h2.CONTINUATION:
        this.#continuation(stream, flags, payload, end)
        break
      case h2.WINDOW_UPDATE:
        this.#windowUpdate(stream, payload, end)
        break
      case h2.SETTINGS:
        this.#settings(stream, flags, payload, end)
        break
      case h2.RST_STREAM:
        this.#reset(stream, payload, end)
        break
      case h2.PING:
        this.#ping(stream, flags, payload, end)
        break
      case h2.PRIORITY:
        if (stream === 0) this.#fail(h2.PROTOCOL_ERROR)
        else if (end - payload !== 5) this.#streamError(stream, h2.FRAME_SIZE_ERROR)
        else this.charge(CONTROL_PRICE)
        break
      case h2.GOAWAY:
        if (stream !== 0) this.#fail(h2.PROTOCOL_ERROR)
        else this.#goingAway = true
        if (this.#streams.size === 0) this.#close()
        break
      case h2.PUSH_PROMISE:
        this.#fail(h2.PROTOCOL_ERROR)
        break
      default:
        // Unknown types are ignored (section 4.1), but not for free.
        this.charge(CONTROL_PRICE)
    }
  }

  /** The payload without padding; -1 when the padding is too long. */
  #unpadded(flags: number, payload: number, end: number): number {
    if ((flags & h2.PADDED) === 0) return end
    const padding = OCTETS[payload] as number
    return payload < end && payload + 1 + padding <= end ? end - padding : -1
  }

  #data(id: number, flags: number, payload: number, end: number): void {
    const length = end - payload
    const dataEnd = this.#unpadded(flags, payload, end)
    if (id === 0 || dataEnd < 0 || id > this.#lastStream) {
      this.#fail(h2.PROTOCOL_ERROR)
      return
    }
    this.#received += length
    if (this.#received > CONNECTION_WINDOW) {
      this.#fail(h2.FLOW_CONTROL_ERROR)
      return
    }
    if (this.#received > CONNECTION_WINDOW / 2) {
      this.allow(0, this.#received)
      this.#received = 0
    }
    const stream = this.#streams.get(id)
    if (stream === undefined) {
      // Sent before our reset arrived, or after the end: nobody wants it.
      this.charge(CONTROL_PRICE)
      return
    }
    if (length === 0 && (flags & h2.END_STREAM) === 0) this.charge(CONTROL_PRICE)
    const from = (flags & h2.PADDED) === 0 ? payload : payload + 1
    const error = stream.onData(from, dataEnd, length, (flags & h2.END_STREAM) !== 0, STREAM_WINDOW)
    if (error !== h2.NO_ERROR) this.#streamError(id, error)
  }

  #headers(id: number, flags: number, payload: number, end: number): void {
    let from = payload
    const blockEnd = this.#unpadded(flags, payload, end)
    if ((flags & h2.PADDED) !== 0) from++
    if ((flags & h2.PRIORITY_FLAG) !== 0) from += 5
    if (blockEnd < from || (id & 1) === 0) {
      this.#fail(h2.PROTOCOL_ERROR)
      return
    }
    this.#blockEnds = (flags & h2.END_STREAM) !== 0
    if ((flags & h2.END_HEADERS) !== 0) this.#blockComplete(id, OCTETS, from, blockEnd)
    else {
      this.#blockStream = id
      this.#block = [keep(from, blockEnd)]
      this.#blockBytes = blockEnd - from
      this.deadline = this.edge.lately + this.edge.settings.timeouts.headMs
    }
  }

  #continuation(id: number, flags: number, payload: number, end: number): void {
    if (this.#blockStream === 0) {
      this.#fail(h2.PROTOCOL_ERROR)
      return
    }
    this.#block.push(keep(payload, end))
    this.#blockBytes += end - payload
    // Compressed, a block may be smaller than the list it stands for, never much larger.
    const tooLarge = this.#blockBytes > this.edge.settings.limits.headBytes * 2
    if (tooLarge || this.#block.length > CONTINUATIONS_MAX) {
      this.#fail(h2.ENHANCE_YOUR_CALM)
      return
    }
    if ((flags & h2.END_HEADERS) === 0) return
    const block = Buffer.concat(this.#block)
    this.#block = []
    this.#blockStream = 0
    this.#blockComplete(id, block, 0, block.length)
  }

  #blockComplete(id: number, bytes: Uint8Array, from: number, to: number): void {
    fields.clear()
    const { limits } = this.edge.settings
    const error = this.#decoder.decode(bytes, from, to, limits.headBytes, fields.add)
    if (error !== undefined && error !== 'list-too-large') {
      this.#fail(h2.COMPRESSION_ERROR)
      return
    }
    if (id <= this.#lastStream) {
      this.#trailers(id)
      return
    }
    this.#open(id)
    if (this.#goingAway) return
    if (this.#streams.size >= this.#streamsMax) {
      this.charge(RESET_PRICE)
      this.resetStream(id, h2.REFUSED_STREAM)
      return
    }
    if (this.client.requests >= limits.requestsPerConnection) this.#leave(Number.POSITIVE_INFINITY)
    if (this.#streams.size === 0) this.#watch()
    const stream = new Http2Stream(id, this)
    this.#streams.set(id, stream)
    this.client.requests++
    if (error !== undefined) stream.refuse('head-too-large')
    else if (fields.count > limits.headersMax) stream.refuse('too-many-fields')
    else if (!fields.complete()) this.#streamError(id, h2.PROTOCOL_ERROR)
    else stream.onRequest(fields, this.#blockEnds)
  }

  /** Its first use closes all that could have come before it (section 5.1.1). */
  #open(id: number): void {
    const next = (this.#lastStream + 1) | 1
    if (id > next) this.#skipped.push(next, id - 2)
    if (this.#skipped.length > 2 * SKIPPED_MAX) this.#skipped.splice(0, 2)
    this.#lastStream = id
  }

  #isSkipped(id: number): boolean {
    return this.#skipped.some((first, k) => {
      return k % 2 === 0 && first <= id && id <= (this.#skipped[k + 1] as number)
    })
  }

  /** A second header block ends a request (section 8.1). Its fields are not sent on. */
  #trailers(id: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) {
      // Of a stream that was, it may have been on its way when we closed it; else nothing can (section 5.1.1).
      if (this.#isSkipped(id)) this.#fail(h2.PROTOCOL_ERROR)
      else this.charge(CONTROL_PRICE)
      return
    }
    const isTrailer =
      this.#blockEnds && fields.method === '' && fields.path === '' && !fields.malformed
    if (!isTrailer) this.#streamError(id, h2.PROTOCOL_ERROR)
    else {
      const error = stream.onData(0, 0, 0, true, STREAM_WINDOW)
      if (error !== h2.NO_ERROR) this.#streamError(id, error)
    }
  }

  #windowUpdate(id: number, payload: number, end: number): void {
    if (end - payload !== 4) {
      this.#fail(h2.FRAME_SIZE_ERROR)
      return
    }
    const increment = h2.readU32(OCTETS, payload) & 0x7fffffff
    // A dribble of room makes a frame of almost every octet (CVE-2019-9511).
    if (increment < WINDOW_STEP_MIN) this.charge(CONTROL_PRICE)
    if (this.#closed) return
    if (id === 0) {
      this.sendWindow += increment
      if (increment === 0) this.#fail(h2.PROTOCOL_ERROR)
      else if (this.sendWindow > h2.WINDOW_MAX) this.#fail(h2.FLOW_CONTROL_ERROR)
      else this.#pump()
      return
    }
    const stream = this.#streams.get(id)
    if (stream === undefined) {
      if (id > this.#lastStream) this.#fail(h2.PROTOCOL_ERROR)
      return
    }
    stream.sender.window += increment
    if (increment === 0) this.#streamError(id, h2.PROTOCOL_ERROR)
    else if (stream.sender.window > h2.WINDOW_MAX) this.#streamError(id, h2.FLOW_CONTROL_ERROR)
    else stream.pump()
  }

  #settings(id: number, flags: number, payload: number, end: number): void {
    const length = end - payload
    if (id !== 0 || ((flags & h2.ACK) !== 0 && length !== 0) || length % 6 !== 0) {
      this.#fail(id !== 0 ? h2.PROTOCOL_ERROR : h2.FRAME_SIZE_ERROR)
      return
    }
    this.#settingsSeen = true
    if ((flags & h2.ACK) !== 0) return
    this.charge(CONTROL_PRICE * (1 + Math.floor(length / 6 / SETTINGS_PER_PRICE)))
    for (let at = payload; at < end && !this.#closed; at += 6) {
      this.#setting(h2.readU16(OCTETS, at), h2.readU32(OCTETS, at + 2))
    }
    if (this.#closed) return
    this.output.room(9)
    const { output } = this
    output.used = h2.writeFrameHeader(output.buffer, output.used, 0, h2.SETTINGS, h2.ACK, 0)
  }

  #setting(name: number, value: number): void {
    if (name === h2.SETTINGS_HEADER_TABLE_SIZE) {
      const bytes = Math.min(value, TABLE_BYTES)
      if (bytes !== this.#tableBytes) this.encoder.resize(bytes)
      this.#tableBytes = bytes
    } else if (name === h2.SETTINGS_INITIAL_WINDOW_SIZE) {
      if (value > h2.WINDOW_MAX) this.#fail(h2.FLOW_CONTROL_ERROR)
      const change = value - this.streamWindow
      this.streamWindow = value
      for (const stream of this.#streams.values()) {
        stream.sender.window += change
        if (stream.sender.window > h2.WINDOW_MAX) this.#fail(h2.FLOW_CONTROL_ERROR)
      }
      if (change > 0) this.#pump()
    } else if (name === h2.SETTINGS_ENABLE_PUSH) {
      if (value > 1) this.#fail(h2.PROTOCOL_ERROR)
    } else if (name === h2.SETTINGS_MAX_FRAME_SIZE) {
      if (value < h2.FRAME_BYTES_MAX || value > 0xffffff) this.#fail(h2.PROTOCOL_ERROR)
    }
  }

  #reset(id: number, payload: number, end: number): void {
    if (end - payload !== 4 || id === 0 || id > this.#lastStream) {
      this.#fail(end - payload !== 4 ? h2.FRAME_SIZE_ERROR : h2.PROTOCOL_ERROR)
      return
    }
    const stream = this.#streams.get(id)
    this.charge(stream === undefined ? CONTROL_PRICE : RESET_PRICE)
    stream?.onReset()
  }

  #ping(id: number, flags: number, payload: number, end: number): void {
    if (id !== 0 || end - payload !== 8) {
      this.#fail(id !== 0 ? h2.PROTOCOL_ERROR : h2.FRAME_SIZE_ERROR)
      return
    }
    if ((flags & h2.ACK) !== 0) return
    this.charge(CONTROL_PRICE)
    this.output.room(17)
    const { output } = this
    const at = h2.writeFrameHeader(output.buffer, output.used, 8, h2.PING, h2.ACK, 0)
    OCTETS.copy(output.buffer, at, payload, end)
    output.used = at + 8
  }

  // --- Ends ----------------------------------------------------------------------------------------

  /** Takes from the client's patience; when it is gone so is the client. */
  charge(price: number): void {
    const now = this.edge.now()
    const refilled = this.#patience + ((now - this.#patienceAt) / 1000) * PATIENCE_PER_SECOND
    this.#patience = Math.min(PATIENCE_MAX, refilled) - price
    this.#patienceAt = now
    if (this.#patience < 0) {
      this.edge.meter.refused('h2-flood')
      this.#fail(h2.ENHANCE_YOUR_CALM)
    }
  }

  /** The client broke a rule on one stream. Being made to reset costs it as much as resetting. */
  #streamError(id: number, code: number): void {
    this.charge(RESET_PRICE)
    if (this.#closed) return
    this.edge.meter.refused('h2-stream-error')
    const stream = this.#streams.get(id)
    if (stream === undefined) this.resetStream(id, code)
    else stream.abort(code)
  }

  #fail(code: number): void {
    if (this.#closed) return
    this.edge.meter.refused('h2-connection-error')
    this.#goAway(code)
    for (const stream of [...this.#streams.values()]) stream.onReset()
    this.#close()
  }

  #goAway(code: number): void {
    if (this.#goingAway && code === h2.NO_ERROR) return
    this.#goingAway = true
    this.#writeGoAway(this.#lastStream, code)
  }

  #writeGoAway(lastStream: number, code: number): void {
    this.output.room(17)
    const { buffer } = this.output
    const at = h2.writeFrameHeader(buffer, this.output.used, 8, h2.GOAWAY, 0, 0)
    h2.writeU32(buffer, at, lastStream)
    h2.writeU32(buffer, at + 4, code)
    this.output.used = at + 8
  }

  #close(): void {
    if (this.#closed) return
    for (const stream of [...this.#streams.values()]) stream.onReset()
    this.#closed = true
    this.output.close()
    this.deadline = this.edge.lately + LINGER_MS
    this.#outlet.end()
  }

  closed(): void {
    this.#closed = true
    this.deadline = Number.POSITIVE_INFINITY
    for (const stream of [...this.#streams.values()]) stream.onReset()
    this.output.close()
  }

  /** The socket has taken all: what was held back because of it may go on. */
  #drained(): void {
    if (!this.#heldBack) return
    this.#heldBack = false
    this.#pump()
  }

  /** More may be sent: each stream in turn gets its share. */
  #pump(): void {
    for (const stream of this.#streams.values()) {
      if (this.sendWindow <= 0 || !this.open) return
      stream.pump()
    }
  }

  #sendSettings(streamsMax: number, listBytesMax: number): void {
    const settings = [
      [h2.SETTINGS_MAX_CONCURRENT_STREAMS, streamsMax],
      [h2.SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW],
      [h2.SETTINGS_MAX_HEADER_LIST_SIZE, listBytesMax],
    ] as const
    this.output.room(9 + settings.length * 6)
    const { buffer } = this.output
    let at = h2.writeFrameHeader(buffer, this.output.used, settings.length * 6, h2.SETTINGS, 0, 0)
    for (const [name, value] of settings) {
      buffer[at] = name >> 8
      buffer[at + 1] = name
      h2.writeU32(buffer, at + 2, value)
      at += 6
    }
    this.output.used = at
    this.allow(0, CONNECTION_WINDOW - h2.WINDOW_DEFAULT)
  }
}
