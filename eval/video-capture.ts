/**
 * Video made on the spot: ffmpeg generates a content, encodes it and packetises it as RTP, which is taken from loopback as fast as it
 * comes. Arrival times are not kept: `video-network.ts` makes them.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isRtcp } from '../src/wire/rtp-packet.ts'

export interface Scene {
  /** Sources of libavfilter without size and rate, one after the other. */
  readonly contents: readonly { readonly source: string; readonly seconds: number }[]
  /** Arguments of the encoder. */
  readonly encoder: readonly string[]
}

export const FRAMES_PER_S = 30
/** Small: one core encodes it several times as fast as it plays. */
const SIZE = '320x180'
export const PAYLOAD_TYPE = 96
export const SSRC = 0x4c494d45
const SOCKET_BYTES = 8 << 20
const PACKET_BYTES = 1200
/** After the encoder has ended, what is on its way comes at once. */
const LAST_MS = 200
const TRIES = 3

/** @returns RTP packets in the order sent @throws Error when ffmpeg fails, or loopback loses packets {@link TRIES} times */
export async function captureVideo(scene: Scene): Promise<Buffer[]> {
  for (let left = TRIES; left > 0; left--) {
    const packets = await captureOnce(scene)
    if (isComplete(packets)) return packets
  }
  throw new Error(`Cannot capture ${scene.encoder.join(' ')}: packets were lost on loopback`)
}

async function captureOnce({ contents, encoder }: Scene): Promise<Buffer[]> {
  const socket = await openSocket()
  const packets: Buffer[] = []
  socket.on('message', (packet) => {
    if (!isRtcp(packet)) packets.push(packet)
  })
  const inputs = contents.flatMap(({ source, seconds }) => {
    const [made = '', ...filters] = source.split(',')
    const sized = `${made}${made.includes('=') ? ':' : '='}s=${SIZE}:r=${FRAMES_PER_S}`
    return ['-t', String(seconds), '-f', 'lavfi', '-i', [sized, ...filters].join()]
  })
  const formatted = contents.map((_, i) => `[${i}]format=yuv420p[v${i}];`).join('')
  const joined = contents.map((_, i) => `[v${i}]`).join('')
  const filter = `${formatted}${joined}concat=n=${contents.length}`
  const { port } = socket.address()
  const child = spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin', ...inputs],
      ...['-filter_complex', filter, '-threads', '1', ...encoder],
      ...['-f', 'rtp', '-payload_type', String(PAYLOAD_TYPE), '-ssrc', String(SSRC)],
      `rtp://127.0.0.1:${port}?pkt_size=${PACKET_BYTES}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(0, 500)
  })
  const [code] = await once(child, 'exit')
  await new Promise((resolve) => setTimeout(resolve, LAST_MS))
  socket.close()
  if (code !== 0) throw new Error(`Cannot encode with ${encoder.join(' ')}: ${said}`)
  return packets
}

async function openSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: SOCKET_BYTES })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

function isComplete(packets: readonly Buffer[]): boolean {
  const numbers = packets.map((packet) => packet.readUInt16BE(2))
  return (
    numbers.length > 0 &&
    numbers.every((number, i) => i === 0 || number === (((numbers[i - 1] ?? 0) + 1) & 0xffff))
  )
}
