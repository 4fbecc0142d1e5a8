import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { DEVICE, freePair, startMediaWorld } from '../media-world.ts'

const HOST = '127.0.0.1'
const SECONDS = 6
const ROTATE_MS = 500
const QUIET = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-y']
const folder = mkdtempSync(join(tmpdir(), 'limen-srtp-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const ENCODERS = {
  h264: [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '12',
    '-x264-params',
    'keyint=30:repeat-headers=1',
  ],
  hevc: [
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-crf',
    '12',
    '-x265-params',
    'keyint=30:repeat-headers=1:log-level=none',
  ],
} as const
type Codec = keyof typeof ENCODERS

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function encode(codec: Codec): string {
  const path = join(folder, `${codec}.mkv`)
  const source = ['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=30:duration=${SECONDS}`]
  execFileSync('ffmpeg', [...QUIET, ...source, '-pix_fmt', 'yuv420p', ...ENCODERS[codec], path])
  return path
}

const sendTo = (source: string, port: number, sdp: string, ...more: string[]) => [
  ...[...QUIET, '-re', '-i', source, ...more, '-map', '0:v', '-c', 'copy', '-f', 'rtp'],
  ...['-payload_type', '96', '-sdp_file', sdp, `rtp://${HOST}:${port}?pkt_size=1200`],
]

/** What a receiver of RTP at that port writes down, until nothing more comes. */
async function receive(
  codec: Codec,
  source: string,
  port: number,
): Promise<{
  readonly path: string
  end(): Promise<readonly string[]>
}> {
  const sdp = join(folder, `${codec}.sdp`)
  execFileSync('ffmpeg', sendTo(source, 9, sdp, '-t', '0.2'))
  const own = join(folder, `${port}.sdp`)
  writeFileSync(own, readFileSync(sdp, 'utf8').replace(/m=video \d+/, `m=video ${port}`))
  const path = join(folder, `${port}.${codec}`)
  const input = ['-protocol_whitelist', 'file,udp,rtp', '-buffer_size', '4000000', '-i', own]
  const child = spawn(
    'ffmpeg',
    [...QUIET, ...input, '-c', 'copy', '-flush_packets', '1', '-f', codec, path],
    {
      stdio: 'ignore',
    },
  )
  const ended = once(child, 'exit')
  await listening(port)
  return {
    path,
    async end() {
      for (let size = -1, seen = 0; seen < 4; seen = size === sizeOf(path) ? seen + 1 : 0) {
        size = sizeOf(path)
        await pause(250)
      }
      child.kill('SIGINT')
      await Promise.race([ended, pause(5000)])
      if (child.exitCode === null) child.kill('SIGKILL')
      return framesOf(path)
    },
  }
}

/** Somebody has bound the port. */
async function listening(port: number): Promise<void> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  for (let i = 0; i < 600; i++) {
    if (readFileSync('/proc/net/udp', 'utf8').includes(`:${wanted} `)) return
    await pause(50)
  }
  throw new Error(`nobody listens at ${port}`)
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** The MD5 of each decoded frame. */
function framesOf(path: string): readonly string[] {
  const text = execFileSync('ffmpeg', [...QUIET, '-i', path, '-f', 'framemd5', '-'], {
    encoding: 'utf8',
  })
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}

async function send(source: string, port: number): Promise<void> {
  const child: ChildProcess = spawn('ffmpeg', sendTo(source, port, join(folder, 'sent.sdp')), {
    stdio: 'ignore',
  })
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
}

describe('ffmpeg -> agent -> transport -> ffmpeg', () => {
  for (const codec of ['h264', 'hevc'] as const) {
    it(`${codec}: every frame is the same as without Limen, while the key changes twice a second`, async () => {
      const source = encode(codec)
      const control = await freePair()
      const plain = await receive(codec, source, control)
      await send(source, control)
      const wanted = await plain.end()
      assert.ok(wanted.length >= SECONDS * 28, `${wanted.length} frames without Limen`)
      assert.ok(new Set(wanted).size > SECONDS * 25)

      const port = await freePair()
      const behind = await receive(codec, source, port)
      const world = await startMediaWorld({
        output: { host: HOST, port },
        rotateEveryMs: ROTATE_MS,
      })
      try {
        for (let i = 0; i < 200 && world.agent.epoch === undefined; i++) await pause(50)
        await send(source, world.agent.port)
        assert.deepEqual(await behind.end(), wanted)

        const { dropped, streams } = world.transport.figures(DEVICE) ?? assert.fail()
        const [stream] = streams
        const { sent, refused } = world.agent.counts()
        const rotations = world.news.filter(({ kind }) => kind === 'changed').length
        console.log(
          `${codec}: ${wanted.length} frames, ${stream?.packets} packets, ${rotations} rotations`,
        )
        assert.ok(rotations >= SECONDS / 2, `${rotations} rotations`)
        assert.equal(world.news.length, rotations)
        assert.deepEqual(dropped, { malformed: 0, unknown: 0, replay: 0, auth: 0, streams: 0 })
        assert.deepEqual(refused, { inactive: 0, malformed: 0, used: 0, streams: 0, spent: 0 })
        assert.equal(streams.length, 1)
        assert.equal(stream?.lost, 0)
        assert.equal(stream?.marked, SECONDS * 30)
        // RTCP is among what was sent: one report at least.
        assert.ok(stream !== undefined && stream.packets < sent)
        assert.ok((stream.reportedPackets ?? 0) > 0)
      } finally {
        await world.close()
      }
    })
  }
})
