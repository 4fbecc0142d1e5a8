/**
 * A client that behaves like a scanner: many connections, a different cipher list each time, randoms
 * that are not random, and gone after the hello. It touches nothing but the handshake, of the demo only.
 *
 * @module
 */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, repeat, type Target } from './tally.ts'

const EVERY_MS = 60
/** It scans in bursts, as they do, and is quiet in between. */
const BURST_HELLOS = 50
const QUIET_MS = 6000
/** It waits this long for the ServerHello, of which it reads one byte. */
const ANSWER_MS_MAX = 500

/** Cipher suites as a scanner goes through them (IANA registry): new, old, and long broken ones. */
const CIPHERS = [
  0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
  0x009d, 0x002f, 0x0035, 0x000a, 0x0005, 0x0004, 0x0039, 0x0033, 0x0016, 0x0067, 0x006b, 0x0041,
]

export const scanner: Client = (target, signal, tally) =>
  repeat(signal, EVERY_MS, tally, async (round) => {
    const outcome = await sayHello(target, clientHello(round))
    if (round % BURST_HELLOS === BURST_HELLOS - 1) {
      await delay(QUIET_MS, undefined, { signal }).catch(() => {})
    }
    return outcome
  })

/** What the edge said to the hello: its first record's content type. */
async function sayHello({ host, port }: Target, hello: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => socket.write(hello))
    const end = (outcome: string): void => {
      socket.destroy()
      resolve(outcome)
    }
    socket.setTimeout(ANSWER_MS_MAX, () => end('silence'))
    socket.once('data', (bytes) => end(bytes[0] === 22 ? 'hello, then gone' : 'alert'))
    socket.once('end', () => end('closed'))
    socket.once('error', reject)
  })
}

/** A ClientHello (RFC 8446, 4.1.2) in one record. Its cipher list and its random follow from `round`. */
export function clientHello(round: number): Buffer {
  const ciphers = pickCiphers(round)
  const body = Buffer.concat([
    uint16(0x0303),
    predictableRandom(round),
    block8(Buffer.alloc(0)),
    block16(Buffer.concat(ciphers.map(uint16))),
    block8(Buffer.from([0])),
    block16(extensions(round)),
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body])
  return Buffer.concat([Buffer.from([22, 3, 1]), block16(handshake)])
}

function pickCiphers(round: number): readonly number[] {
  const start = (round * 5) % CIPHERS.length
  const turned = [...CIPHERS.slice(start), ...CIPHERS.slice(0, start)]
  return turned.slice(0, 4 + (round % 7))
}

/** In turn: the same bytes each time, a text, a clock with a counter. */
function predictableRandom(round: number): Buffer {
  const random = Buffer.alloc(32, round % 3 === 0 ? 0x41 : 'scanner ')
  if (round % 3 === 2) {
    random.writeUInt32BE(Math.floor(Date.now() / 1000), 0)
    random.writeUInt32BE(round, 28)
  }
  return random
}

function extensions(round: number): Buffer {
  const groups = extension(10, block16(Buffer.concat([uint16(29), uint16(23)])))
  const signatures = extension(13, block16(Buffer.concat([0x0403, 0x0804, 0x0401].map(uint16))))
  const versions = extension(43, block8(Buffer.concat([uint16(0x0304), uint16(0x0303)])))
  const point = Buffer.alloc(32, 9)
  const keyShare = extension(51, block16(Buffer.concat([uint16(29), block16(point)])))
  const name = Buffer.concat([Buffer.from([0]), block16(Buffer.from('localhost'))])
  const serverName = round % 4 === 0 ? [extension(0, block16(name))] : []
  return Buffer.concat([...serverName, groups, signatures, versions, keyShare])
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([uint16(type), block16(data)])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

/** Bytes behind their length in one byte, or two. */
function block8(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function block16(bytes: Buffer): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes])
}
