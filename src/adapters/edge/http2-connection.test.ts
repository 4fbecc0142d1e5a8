import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HpackDecoder } from '../../wire/hpack-decoder.ts'
import { HpackEncoder } from '../../wire/hpack-encoder.ts'
import * as h2 from '../../wire/http2-frame.ts'
import { ResponseHeadReader } from '../../wire/response-head.ts'
import type { Channel } from './channel.ts'
import type { ClientConnection } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { Http2Connection } from './http2-connection.ts'
import { Http2Stream } from './http2-stream.ts'
import { Meter } from './meter.ts'
import { OCTETS, READ_AT } from './octets.ts'
import type { OnRead } from './socket.ts'

interface Frame {
  readonly type: number
  readonly stream: number
  readonly payload: Buffer
}

type Fields = readonly (readonly [name: string, value: string])[]

const FIELDS: Fields = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/'],
]

function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(h2.FRAME_HEADER_BYTES)
  h2.writeFrameHeader(head, 0, payload.length, type, flags, stream)
  return Buffer.concat([head, payload])
}

/** A channel to nowhere: what is written to it, and what it is to have read. */
function channelOf(written: Buffer[]) {
  let onRead: OnRead = () => assert.fail('nobody reads')
  const nothing = () => {}
  const channel: Channel = {
    ...{ encrypted: true, destroyed: false, queued: 0 },
    takeReads: (taken) => {
      onRead = taken
    },
    ...{ giveBackReads: nothing, stopReads: nothing, resumeReads: nothing, onEnd: nothing },
    ...{ onDrain: nothing, end: nothing, destroySoon: nothing, destroy: nothing },
    writePast: (octets) => {
      written.push(Buffer.from(octets))
      return 'done'
    },
    write: () => assert.fail('it is written past the stream'),
  }
  const feed = (octets: Buffer) => onRead(READ_AT, READ_AT + octets.copy(OCTETS, READ_AT))
  return { channel, feed }
}

/** A connection of a client for which there is no route: each request is answered 404 at once. */
function opened() {
  const written: Buffer[] = []
  const { channel, feed } = channelOf(written)
  const limits = { headBytes: 16_384, headersMax: 100, urlBytes: 4096, bodyBytes: 1_000_000 }
  const edge = {
    ...{ meter: new Meter(), now: () => 0, lately: 0, route: () => undefined },
    settings: {
      limits: { ...limits, requestsPerConnection: 1000, h2StreamsMax: 100 },
      timeouts: { headMs: 1000, bodyMs: 1000, idleMs: 1000, bodyBytesPerSecondMin: 1000 },
    },
  } as unknown as EdgeContext
  const client = { channel, bytesIn: 0, bytesOut: 0, requests: 0 } as unknown as ClientConnection
  const connection = new Http2Connection(client, edge)
  const encoder = new HpackEncoder(4096)
  feed(Buffer.concat([Buffer.from(h2.PREFACE), frame(h2.SETTINGS, 0, 0)]))
  /** HEADERS of a request, or what comes behind its body. */
  const headers = (stream: number, flags: number = h2.END_STREAM, fields = FIELDS) => {
    const block = Buffer.alloc(1000)
    let end = encoder.begin(block, 0)
    for (const [name, value] of fields) end = encoder.encode(name, value, block, end)
    feed(frame(h2.HEADERS, h2.END_HEADERS | flags, stream, block.subarray(0, end)))
  }
  const frames = (): Frame[] => {
    connection.output.flush()
    return framesOf(Buffer.concat(written))
  }
  const goAway = () => {
    const last = frames().findLast(({ type }) => type === h2.GOAWAY)
    return last && h2.readU32(last.payload, 4)
  }
  return { connection, headers, frames, goAway }
}

function framesOf(octets: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < octets.length; ) {
    const payload = at + h2.FRAME_HEADER_BYTES
    const end = payload + h2.readU24(octets, at)
    const stream = h2.readU32(octets, at + 5)
    frames.push({ type: octets[at + 3] ?? 0, stream, payload: octets.subarray(payload, end) })
    at = end
  }
  return frames
}

describe('ids of streams (RFC 9113 section 5.1.1)', () => {
  it('below one that was used cannot be used for the first time', () => {
    for (const [used, late] of [
      [[5], 3],
      [[5], 1],
      [[3], 1],
      [[1, 9], 7],
      [[1, 5, 7, 13, 15], 9],
    ] as const) {
      const { headers, goAway } = opened()
      for (const id of used) headers(id)
      assert.equal(goAway(), undefined)
      headers(late)
      assert.equal(goAway(), h2.PROTOCOL_ERROR, `${late} after ${used}`)
    }
  })

  it('of streams that are over stay over: what was on its way is ignored', () => {
    const { headers, frames, goAway } = opened()
    for (const id of [1, 3, 9]) headers(id, 0)
    const resets = frames().filter(({ type }) => type === h2.RST_STREAM)
    assert.deepEqual(
      resets.map(({ stream }) => stream),
      [1, 3, 9],
    )
    const trailer: Fields = [['checksum', '1']]
    for (const id of [9, 3, 1]) headers(id, h2.END_STREAM, trailer)
    headers(11)
    assert.equal(goAway(), undefined)
    const answered = frames().filter(({ type }) => type === h2.HEADERS)
    assert.deepEqual(
      answered.map(({ stream }) => stream),
      [1, 3, 9, 11],
    )
  })

  it('that a client leaves out are not remembered without end', () => {
    const { headers, goAway } = opened()
    for (let id = 1; id < 4 * 100; id += 4) headers(id)
    headers(3)
    assert.equal(goAway(), undefined)
    headers(395)
    assert.equal(goAway(), h2.PROTOCOL_ERROR)
  })
})

describe('fields of an answer (RFC 9113 section 8.2.2)', () => {
  /** As a client reads them. */
  const fieldsOf = (head: string): string[] => {
    const { connection, frames } = opened()
    const end = READ_AT + OCTETS.write(head, READ_AT, 'latin1')
    const reader = new ResponseHeadReader()
    assert.equal(reader.read(OCTETS, READ_AT, end, 65_536), 'complete')
    new Http2Stream(1, connection).onHead(reader, 'none')
    const { payload } = frames().find(({ type }) => type === h2.HEADERS) ?? assert.fail('no head')
    const fields: string[] = []
    new HpackDecoder<never>(4096, 4096).decode(payload, 0, payload.length, 4096, (field) => {
      fields.push(`${field.name}: ${field.value}`)
    })
    return fields
  }

  it('are none of the connection, and none that Connection names', () => {
    const hop = ['Keep-Alive: 1', 'Proxy-Connection: x', 'Transfer-Encoding: chunked', 'Upgrade: y']
    const lines = [...hop, 'TE: z', 'HTTP2-Settings: AA', 'X-Y: 1', 'Connection: close, x-y, a']
    const head = `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nB: 2\xa0\r\nx-y: 3\r\n\r\n`
    assert.deepEqual(fieldsOf(head), [':status: 200', 'b: 2\xa0'])
  })

  it('say nothing of framing with status 204', () => {
    for (const line of ['Content-Length: 0', 'Content-Length: 5', 'Transfer-Encoding: chunked']) {
      const fields = fieldsOf(`HTTP/1.1 204 No Content\r\n${line}\r\nB: 2\r\n\r\n`)
      assert.deepEqual(fields, [':status: 204', 'b: 2'])
    }
  })
})
