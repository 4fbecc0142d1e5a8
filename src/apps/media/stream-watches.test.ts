import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { StreamReport } from '../../behavior/device/stream-report.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import { openSealedFolder, type SealedFolder } from './sealed-folder.ts'
import { StreamWatches } from './stream-watches.ts'

const DEVICE = 'camera-1'
/** A busy disk may take its time. */
const WAIT_MS = 20_000

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !holds(); ) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A frame of H.264 in two fragments: 30 a second, one in 30 a key frame. */
function frameOf(at: number, fraction: () => number, ssrc = 7): Buffer[] {
  const type = at % 30 === 0 ? 5 : 1
  return [0x80, 0x40].map((flag, i) => {
    const packet = Buffer.alloc(i === 0 ? 1200 : 200 + Math.floor(800 * fraction()), 0xaa)
    packet.writeUInt16BE(0x8060 + 128 * i)
    packet.writeUInt16BE((2 * at + i) & 0xffff, 2)
    packet.writeUInt32BE((at * 3000) >>> 0, 4)
    packet.writeUInt32BE(ssrc, 8)
    packet.set([0x7c, flag | type], 12)
    return packet
  })
}

describe('StreamWatches', () => {
  let folder: string
  let sealed: SealedFolder
  let nowMs: number
  let reports: StreamReport[]
  let keys: string[]
  const fraction = seededFraction(3)

  const open = (codec: 'h264' | 'h265' = 'h264') =>
    new StreamWatches({
      ...{ codec, devices: [DEVICE], withRhythm: new Set<string>(), folder, seal: sealed.seal },
      ...{ random: systemRandom(), clockMs: () => nowMs },
      anomalous: (device, why, isSure) =>
        void keys.push(`${device}: ${why}${isSure ? '' : ', unproven'}`),
      report: (report) => void reports.push(report),
      complain: (what) => assert.fail(what),
    })
  const play = (watches: StreamWatches, from: number, count: number, ssrc = 7, isLate = false) => {
    for (let at = from; at < from + count; at++) {
      nowMs = (at * 1000) / 30 + fraction()
      for (const packet of frameOf(at, fraction, ssrc)) watches.meet(DEVICE, packet, isLate)
    }
  }
  const files = () => readdirSync(join(folder, 'baselines')).filter((one) => one.endsWith('sealed'))
  const learned = async () => {
    const watches = open()
    play(watches, 0, 1250)
    await until('a baseline', () => files().length === 1)
    return watches
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'limen-watches-'))
    sealed = await openSealedFolder(folder, { kind: 'file' }, systemRandom())
    ;[nowMs, reports, keys] = [0, [], []]
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keep sealed what they learned, and go on with it', async () => {
    await learned()
    assert.deepEqual(files(), [`${DEVICE}.baseline.sealed`])
    const text = readFileSync(join(folder, 'baselines', files()[0] ?? '')).toString('latin1')
    assert.equal(text.includes('traits'), false)
    assert.equal(reports[0]?.state, 'learning')
    reports = []
    play(open(), 5000, 400)
    assert.deepEqual(new Set(reports.map(({ state }) => state)), new Set(['normal']))
    // Every two seconds of thirteen.
    assert.ok(reports.length >= 6 && reports.length <= 8, `${reports.length}`)
    assert.equal(reports.at(-1)?.features[0]?.length, 3)
  })

  it('take what is not authentic for no proof, and learn all the same', async () => {
    const watches = open()
    const forge = () => {
      for (let i = 0; i < 6; i++) watches.refuse(DEVICE, 'auth', frameOf(1, fraction)[0] as Buffer)
    }
    for (let second = 0; second < 38; second++) {
      play(watches, second * 30, 30)
      forge()
    }
    play(watches, 38 * 30, 4 * 30)
    await until('a baseline', () => files().length === 1)
    assert.deepEqual(keys, [])
    play(watches, 1260, 400)
    forge()
    assert.deepEqual(keys, [`${DEVICE}: auth, unproven`])
  })

  it('do not learn anew what does not open, or is of another codec', async () => {
    await learned()
    assert.throws(() => open('h265'), { code: 'media.baseline' })
    const path = join(folder, 'baselines', files()[0] ?? '')
    const bytes = readFileSync(path)
    bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50)
    writeFileSync(path, bytes)
    assert.throws(() => open(), { code: 'media.baseline' })
  })

  it('take another encoder run as the same device only under the key that it was given for it', async () => {
    const watches = await learned()
    play(watches, 1250, 100, 8)
    assert.deepEqual(keys, [`${DEVICE}: ssrc`])
    watches.renew(DEVICE)
    reports = []
    // Whoever had the key before may still be on his way.
    play(watches, 1350, 5, 9, true)
    play(watches, 1350, 600, 8)
    assert.equal(reports.at(-1)?.state, 'normal')
    assert.equal(keys.length, 1)
    // Of a stream that is well a new key is no reason to take another.
    watches.renew(DEVICE)
    play(watches, 1950, 10, 9)
    assert.equal(keys.length, 2)
  })

  it('a missed intrusion makes the limit lower, also after a restart; the same words once', async () => {
    const watches = await learned()
    const label = { device: DEVICE, isIntrusion: true, at: 1000 }
    watches.learn(label)
    watches.learn(label)
    watches.learn({ ...label, device: 'camera-9' })
    await until('a limit', () => files().length === 2)
    reports = []
    play(watches, 1250, 100)
    const limit = reports.at(-1)?.limit
    assert.equal(limit, 0.9)
    reports = []
    play(open(), 1350, 100)
    assert.equal(reports.at(-1)?.limit, limit)
  })

  it('a rotation by direct evidence moves no limit, whatever is said of it', async () => {
    const watches = await learned()
    play(watches, 1250, 100, 8)
    assert.equal(keys.length, 1)
    watches.learn({ device: DEVICE, isIntrusion: false, at: 1000 })
    watches.learn({ device: DEVICE, isIntrusion: true, at: 1001 })
    await until('a limit', () => files().length === 2)
    play(watches, 1350, 100)
    assert.equal(reports.at(-1)?.limit, 1)
  })
})
