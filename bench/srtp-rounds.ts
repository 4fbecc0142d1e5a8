/**
 * SRTP of packets of 1200 octets, by Limen or by a peer, in a process of its own: neither pays for what the other leaves to be collected, or
 * keeps the other from being compiled well. For each message of the parent one round; {@link RoundCost} is the answer.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { MasterKey } from '../src/adapters/media/srtp-key.ts'
import { SrtpReceiver } from '../src/adapters/media/srtp-receiver.ts'
import { SrtpSender } from '../src/adapters/media/srtp-sender.ts'

export interface PacketCipher {
  protect(packet: Buffer): Buffer
  /** What it gives is not looked at: it throws for what is not authentic. */
  unprotect(packet: Buffer): unknown
}

/** Microseconds of CPU per packet. */
export interface RoundCost {
  readonly protectUs: number
  readonly unprotectUs: number
}

export const PACKET_BYTES = 1200
const PACKETS_PER_ROUND = 4000

export function rtp(sequence: number, ssrc: number): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES, 7)
  packet[0] = 0x80
  packet[1] = 96
  packet.writeUInt16BE(sequence & 0xffff, 2)
  packet.writeUInt32BE(ssrc, 8)
  return packet
}

function limenCipher(master: MasterKey): PacketCipher {
  const sender = new SrtpSender()
  sender.install(1, master)
  sender.activate(1)
  const receiver = new SrtpReceiver<object>()
  receiver.install(1, {}, master)
  return {
    protect(packet) {
      const sealed = sender.protect(packet)
      if (typeof sealed === 'string') throw new Error(`not sent: ${sealed}`)
      return sealed
    },
    unprotect(packet) {
      if (receiver.unprotect(packet).kind !== 'clean') throw new Error('a packet was dropped')
    },
  }
}

function costUs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / PACKETS_PER_ROUND
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const master = { key: randomBytes(16), salt: randomBytes(12) }
  const cipher =
    process.argv[2] === 'werift'
      ? (await import('./peers/werift.ts')).weriftCipher(master)
      : limenCipher(master)
  const plain = Array.from({ length: PACKETS_PER_ROUND }, () => rtp(0, 7))
  let sequence = 0
  process.on('message', () => {
    for (const packet of plain) packet.writeUInt16BE(sequence++ & 0xffff, 2)
    let sealed: Buffer[] = []
    const protectUs = costUs(() => {
      sealed = plain.map((packet) => cipher.protect(packet))
    })
    const unprotectUs = costUs(() => {
      for (const packet of sealed) cipher.unprotect(packet)
    })
    process.send?.({ protectUs, unprotectUs } satisfies RoundCost)
  })
}
