/**
 * What a decoder makes of RTP that came: NAL units out of packets (RFC 6184: single, STAP-A, FU-A), those with a hole left out, and the
 * checksum of each frame by ffmpeg.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const START = Buffer.from([0, 0, 0, 1])

/** Annex B. @param packets RTP, in the order of their numbers, without header extensions */
export function nalUnits(packets: readonly Buffer[]): Buffer {
  const units: Buffer[] = []
  let parts: Buffer[] = []
  let next = -1
  for (const packet of packets) {
    const sequence = packet.readUInt16BE(2)
    const payload = packet.subarray(12)
    const [indicator = 0, header = 0] = payload
    const type = indicator & 31
    if (sequence !== next) parts = []
    next = (sequence + 1) & 0xffff
    if (type < 24) units.push(START, payload)
    else if (type === 24) {
      for (let at = 1; at + 2 <= payload.length; ) {
        const length = payload.readUInt16BE(at)
        units.push(START, payload.subarray(at + 2, at + 2 + length))
        at += 2 + length
      }
    } else if (type === 28) {
      if ((header & 128) !== 0) parts = [START, Buffer.of((indicator & 0xe0) | (header & 31))]
      if (parts.length > 0) parts.push(payload.subarray(2))
      if ((header & 64) === 0) continue
      units.push(...parts)
      parts = []
    }
  }
  return Buffer.concat(units)
}

/** MD5 of each decoded frame. */
export function decodedFrames(stream: Buffer, file: string): readonly string[] {
  writeFileSync(file, stream)
  const decoded = spawnSync(
    'ffmpeg',
    [
      ...['-v', 'quiet', '-threads', '1', '-f', 'h264', '-i', file],
      ...['-fps_mode', 'passthrough', '-f', 'framemd5', '-'],
    ],
    { encoding: 'utf8', maxBuffer: 64 << 20, timeout: 300_000 },
  )
  assert.equal(decoded.status, 0, decoded.stderr)
  const lines = decoded.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '')
}
