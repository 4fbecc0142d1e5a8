/**
 * What tests of SRT have beside a relay: ffmpeg as receiver, and somebody on the way between an encoder and the relay.
 *
 * @module
 */
import type { Socket } from 'node:dgram'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import { readSrtPacket } from '../../src/wire/srt-packet.ts'
import { HOST } from './device-keys-site.ts'

export interface Middle {
  readonly port: number
  /** Data of an encoder does not go on; what this gives goes in its place, to its connection. */
  replace: ((packet: Buffer) => Buffer | undefined) | undefined
  close(): void
}

/** Somebody on the way between encoder and relay: what he sends has the encoder's address, as the relay knows it. */
export async function startMiddle(relayPort: number): Promise<Middle> {
  const input = await bindSocket({ host: HOST, port: 0 })
  const outputs = new Map<number, Socket>()
  const outputOf = async (port: number) => {
    const output = await bindSocket({ host: HOST, port: 0 })
    output.on('message', (packet) => input.send(packet, port, HOST))
    outputs.set(port, output)
    return output
  }
  const middle: Middle = {
    ...{ port: input.address().port, replace: undefined },
    close() {
      for (const socket of [input, ...outputs.values()]) socket.close()
    },
  }
  input.on('message', async (packet, { port }) => {
    const output = outputs.get(port) ?? (await outputOf(port))
    const read = readSrtPacket(packet)
    const isData = read.kind === 'read' && read.packet.kind === 'data'
    if (middle.replace === undefined || !isData) output.send(packet, relayPort, HOST)
    else {
      const other = middle.replace(packet)
      if (other === undefined) return
      other.writeUInt32BE(read.packet.target, 12)
      output.send(other, relayPort, HOST)
    }
  })
  return middle
}

/** Writes what comes under an epoch to a file of `came` whose name begins with that. */
export function srtReceiver(folder: string, came: string): string {
  return ffmpegScript(join(folder, 'receiver.sh'), [
    ...['-y', '-loglevel', 'error', '-f', 'data'],
    ...['-i', 'srt://$4?mode=listener&passphrase=$(cat "$3")', '-map', '0', '-c', 'copy'],
    ...['-flush_packets', '1', '-f', 'data', `${came}/$2-$$.ts`],
  ])
}

/** ffmpeg, with words of the shell: `$1` device, `$2` epoch, `$3` file of the passphrase, `$4` where a receiver listens. */
export function ffmpegScript(path: string, words: readonly string[]): string {
  const line = words.map((word) => `"${word}"`).join(' ')
  writeFileSync(path, `#!/bin/sh\nexec ffmpeg ${line}\n`)
  chmodSync(path, 0o700)
  return path
}
