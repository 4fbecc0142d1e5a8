/**
 * Two encoders of ffmpeg: a camera's, and that of somebody who has its key and sends in its place.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { SrtpSender } from '../../src/adapters/media/srtp-sender.ts'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import {
  type DeviceSite,
  freeMediaPort,
  HOST,
  type Started,
  startProcess,
} from './device-keys-site.ts'

/** Packets. */
const AHEAD = 20

export interface Thief {
  readonly sent: number
  /** Whether that packet, as it was in clear, was his. */
  isHis(packet: Buffer): boolean
  close(): Promise<void>
}

/** Ten seconds of H.264, 640 x 360. */
export function makeVideo(file: string, source: string, preset: string): void {
  const options = ['-c:v', 'libx264', '-preset', preset, '-tune', 'zerolatency', '-g', '30']
  const made = spawnSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `${source}=size=640x360:rate=30`, '-t', '10'],
      ...[...options, '-threads', '1', '-b:v', '1500k', file],
    ],
    { encoding: 'utf8', timeout: 240_000 },
  )
  assert.equal(made.status, 0, made.stderr)
}

/** Again and again, as RTP. */
export function startEncoder(file: string, port: number): Started {
  return startProcess('ffmpeg', 'ffmpeg', [
    ...['-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-an', '-c:v', 'copy'],
    ...['-f', 'rtp', '-ssrc', '7', `rtp://${HOST}:${port}?pkt_size=1200`],
  ])
}

/**
 * He goes on a little before where the camera is: his packets are taken, and the camera's come too late.
 *
 * @param latest sequence number of the camera's last packet
 * @param key the one in use; where there is one device, it was drawn last
 */
export async function startThief(
  site: DeviceSite,
  device: string,
  transportPort: number,
  file: string,
  latest: () => number,
  key = site.drawn.at(-1),
): Promise<Thief> {
  const his = new Set<string>()
  const { epoch } = await site.show(device)
  const sender = new SrtpSender()
  sender.install(epoch ?? 0, key ?? assert.fail())
  sender.activate(epoch ?? 0)
  const port = await freeMediaPort()
  const input = await bindSocket({ host: HOST, port })
  const output = createSocket('udp4')
  let [sent, ahead]: [number, number | undefined] = [0, undefined]
  input.on('message', (packet) => {
    const sequence = packet.readUInt16BE(2)
    ahead ??= (latest() + AHEAD - sequence) & 0xffff
    packet.writeUInt16BE((sequence + ahead) & 0xffff, 2)
    his.add(packet.toString('latin1'))
    const sealed = sender.protect(packet)
    if (typeof sealed === 'string') return
    sent++
    output.send(sealed, transportPort, HOST)
  })
  const encoder = startEncoder(file, port)
  return {
    get sent() {
      return sent
    },
    isHis: (packet) => his.has(packet.toString('latin1')),
    async close() {
      await encoder.stop('SIGKILL')
      input.close()
      output.close()
    },
  }
}
