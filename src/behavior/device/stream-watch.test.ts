import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { drawExponential, seededFraction } from '../../math/seeded-chance.ts'
import { type MadeStream, madeStream, set } from './made-stream.ts'
import { readBaseline, type StreamBaseline, writeBaseline } from './stream-baseline.ts'
import type { StreamPacket } from './stream-packet.ts'
import { LEARN_MS, type StreamVerdict, StreamWatch } from './stream-watch.ts'

function watchOf(baseline?: StreamBaseline, hasRhythm = false, limit = 1): StreamWatch {
  const random = { fraction: seededFraction(1), bytes: (length: number) => new Uint8Array(length) }
  return new StreamWatch({
    ...{ codec: 'h264', random, baseline, hasRhythm },
    now: () => 1_000,
    identityLimit: () => limit,
  })
}

function verdictsOf(watch: StreamWatch, packets: readonly StreamPacket[]): StreamVerdict[] {
  return packets.flatMap((packet) => watch.meet(packet) ?? [])
}

const learned = (() => {
  const watch = watchOf()
  const verdicts = verdictsOf(watch, madeStream({ seconds: 41, seed: 1 }))
  const { baseline } = watch
  if (baseline === undefined) assert.fail('not learned')
  return { baseline, verdicts }
})()

/** Where the stream of the baseline is after a minute. */
const LATER = { fromMs: 60_000, sequence: 500, timestamp: 1_000_000 }
const run = (more: Partial<MadeStream> = {}): StreamPacket[] =>
  madeStream({ seconds: 20, seed: 2, ...LATER, ...more })
const judged = (packets: readonly StreamPacket[], hasRhythm = false) => {
  const verdicts = verdictsOf(watchOf(learned.baseline, hasRhythm), packets)
  return {
    states: new Set(verdicts.map(({ state }) => state)),
    reasons: new Set(verdicts.flatMap(({ reasons }) => reasons.map(({ what }) => what))),
    rotations: verdicts.filter(({ rotate }) => rotate),
  }
}
/** The second half begins with a frame. */
const half = (packets: readonly StreamPacket[], change: (packet: StreamPacket) => StreamPacket) =>
  packets.map((packet) => (packet.atMs < LATER.fromMs + 10_000 ? packet : change(packet)))

describe('StreamWatch, learning', () => {
  it('takes forty seconds, and says so', () => {
    const { verdicts, baseline } = learned
    const last = verdicts.findLastIndex(({ state }) => state === 'learning')
    assert.ok(Math.abs((verdicts[last]?.atMs ?? 0) - LEARN_MS) < 600)
    assert.deepEqual(
      new Set(verdicts.slice(last + 1).map(({ state }) => state)),
      new Set(['normal']),
    )
    const { skewPpm, ...traits } = baseline.traits
    assert.deepEqual(traits, {
      ...{ payloadTypes: [96], units: [7, 5, 1], keyTicks: 90_000, said: [] },
      // Its slices have no numbers.
      numbers: {
        ...{ numbering: null, orderTicks: 0, frameTicks: 3000, isReordered: false },
        ...{ isReset: true, keyIds: [] },
      },
      parameters: ['aa'.repeat(8), 'bb'.repeat(8)],
    })
    assert.ok(Math.abs(skewPpm) < 20)
  })

  it('begins anew when somebody sends beside the camera, not when packets are not authentic', () => {
    const learned = (why: 'auth' | 'replay') => {
      const watch = watchOf()
      const packets = madeStream({ seconds: 60, seed: 1 })
      const [old] = packets
      for (const packet of packets) {
        watch.meet(packet)
        if (packet.atMs > 30_000 && packet.atMs < 30_100) {
          watch.refuse(why, packet.atMs, why === 'auth' || old === undefined ? packet : old)
        }
      }
      assert.ok((watch.evidence()[why] ?? 0) >= 4)
      return { watch, packets }
    }
    assert.notEqual(learned('auth').watch.baseline, undefined)
    const { watch, packets } = learned('replay')
    assert.equal(watch.baseline, undefined)
    verdictsOf(watch, madeStream({ seconds: 12, seed: 5, ...continued(packets) }))
    assert.notEqual(watch.baseline, undefined)
  })

  it('is over for a baseline out of storage', () => {
    const kept = readBaseline(writeBaseline(learned.baseline))
    assert.deepEqual(kept, learned.baseline)
    assert.deepEqual(judged(run()).states, new Set(['normal']))
  })
})

function continued(packets: readonly StreamPacket[]) {
  const last = packets.at(-1)
  if (last === undefined) assert.fail()
  return {
    fromMs: last.atMs + 33,
    sequence: (last.sequence + 1) & 0xffff,
    timestamp: (last.timestamp + 3000) >>> 0,
  }
}

describe('StreamWatch, what networks do', () => {
  const fraction = seededFraction(6)
  const networks: Readonly<Record<string, (packets: StreamPacket[]) => StreamPacket[]>> = {
    loss: (packets) => packets.filter(() => fraction() > 0.05),
    jitter: (packets) => {
      let last = 0
      return packets.map((packet) => {
        last = Math.max(last, packet.atMs + drawExponential(fraction, 30))
        return { ...packet, atMs: last }
      })
    },
    reordering: (packets) =>
      packets
        .map((packet) => ({ ...packet, atMs: packet.atMs + (fraction() < 0.1 ? 20 : 0) }))
        .sort((a, b) => a.atMs - b.atMs),
    bottleneck: (packets) => {
      let free = 0
      return packets.map((packet) => {
        free = Math.max(free, packet.atMs) + packet.bytes / 140
        return { ...packet, atMs: free }
      })
    },
  }
  for (const [name, change] of Object.entries(networks)) {
    it(`${name} makes a stream suspicious, and no more`, () => {
      const { states, rotations, reasons } = judged(change(run()))
      assert.deepEqual(rotations, [])
      assert.ok(states.has('suspicious'), [...reasons].join())
      assert.ok(!states.has('anomalous'))
    })
  }

  it('an outage, and copies, are nothing', () => {
    const packets = run().filter(({ atMs }) => atMs < 65_000 || atMs > 75_000)
    const { rotations } = judged(packets.flatMap((packet) => [packet, packet]))
    assert.deepEqual(rotations, [])
  })

  it('a clock that runs otherwise is seen after a while', () => {
    const slow = run({ seconds: 70 }).map((packet) => ({
      ...packet,
      atMs: LATER.fromMs + (packet.atMs - LATER.fromMs) * 1.0003,
    }))
    const { reasons, rotations } = judged(slow)
    assert.deepEqual(rotations, [])
    assert.ok(reasons.has('clock skew'))
  })
})

describe('StreamWatch, what no network does', () => {
  const changes: Readonly<Record<string, (packet: StreamPacket) => StreamPacket>> = {
    parameters: (packet) =>
      packet.units?.[0]?.kind === 'parameters' ? { ...packet, units: [set('cc')] } : packet,
    ssrc: (packet) => ({ ...packet, ssrc: 8 }),
    payloadType: (packet) => ({ ...packet, payloadType: 97 }),
    malformed: (packet) => ({ ...packet, units: undefined }),
    units: (packet) => ({
      ...packet,
      units: (packet.units ?? []).map((unit) => ({
        ...unit,
        type: unit.type === 1 ? 2 : unit.type,
      })),
    }),
    sequence: (packet) => ({ ...packet, sequence: (packet.sequence + 30_000) & 0xffff }),
    time: (packet) => ({ ...packet, timestamp: packet.timestamp + 90_000 * 20 }),
  }
  for (const [kind, change] of Object.entries(changes)) {
    it(`${kind}: one rotation, within a second`, () => {
      const { rotations, states } = judged(half(run(), change))
      const [first] = rotations
      assert.ok(first?.reasons.some(({ what }) => what === kind))
      assert.ok((first?.atMs ?? Number.NaN) - (LATER.fromMs + 10_000) < 1_100)
      assert.equal(rotations.length, 1)
      assert.ok(states.has('anomalous'))
    })
  }

  it('what was sent before, sent again', () => {
    const packets = run({ seconds: 10 })
    const again = packets
      .filter(({ atMs }) => atMs > LATER.fromMs + 7_000)
      .map((packet) => ({ ...packet, atMs: packet.atMs + 3_000 }))
    const [first] = judged([...packets, ...again]).rotations
    assert.deepEqual(first?.reasons[0]?.what, 'replay')
  })

  it('packets in between, with numbers in use', () => {
    const packets = run().flatMap((packet, i) =>
      i > 500 && i % 40 === 0 ? [{ ...packet, bytes: packet.bytes - 1 }, packet] : [packet],
    )
    const [first] = judged(packets).rotations
    assert.deepEqual(first?.reasons[0]?.what, 'clash')
  })

  it('a transport that refuses: four in two seconds, or copies that are none', () => {
    const packets = run({ seconds: 5 })
    const last = packets.at(-1)
    if (last === undefined) assert.fail()
    const refused = (why: 'auth' | 'oldKey' | 'replay', header: StreamPacket) => {
      const watch = watchOf(learned.baseline)
      verdictsOf(watch, packets)
      return [0, 1, 2, 3].map((i) => watch.refuse(why, last.atMs + i, header)?.rotate ?? false)
    }
    assert.deepEqual(refused('auth', last), [false, false, false, true])
    assert.deepEqual(refused('oldKey', last), [false, false, false, true])
    // A network's copy, a recording, a second sender.
    assert.deepEqual(refused('replay', last), [false, false, false, false])
    const old = { ...last, sequence: last.sequence - 400, timestamp: last.timestamp - 95_000 }
    assert.ok(refused('replay', packets[100] ?? last).includes(true))
    assert.ok(refused('replay', { ...last, bytes: last.bytes + 9 }).indexOf(true) === 1)
    assert.ok(refused('replay', old).includes(true))
  })

  it('another structure of frames, whose headers all are known', () => {
    const [first] = judged([
      ...run({ seconds: 10 }),
      ...run({ ...continued(run({ seconds: 10 })), slices: 3, seed: 9 }),
    ]).rotations
    assert.ok(first?.reasons.some(({ what }) => what === 'slices per frame, 2 s'))
    assert.ok((first?.atMs ?? Number.NaN) - LATER.fromMs < 12_000)
    const lenient = watchOf(learned.baseline, false, 1000)
    const verdicts = verdictsOf(lenient, run({ slices: 3 }))
    assert.ok(verdicts.every(({ rotate }) => !rotate))
  })

  it('key frames out of turn, where it is known that there are none', () => {
    const begin = run({ seconds: 10.5 })
    const packets = [...begin, ...run({ ...continued(begin), seed: 9 })]
    const [first] = judged(packets, true).rotations
    assert.equal(first?.reasons[0]?.what, 'key frame out of turn')
    const otherwise = judged(packets)
    assert.deepEqual(otherwise.rotations, [])
    assert.ok(otherwise.states.has('suspicious'))
  })
})

describe('StreamWatch, another encoder with the same parameter sets', () => {
  const UUID = 'dc'.repeat(16)
  /** An encoder says what it is, with its first packet. */
  const saying = (packets: readonly StreamPacket[], ...words: readonly string[]) =>
    packets.map((packet, i) => {
      const said = words[i]
      if (said === undefined) return packet
      const unit = { ...set('aa'), kind: 'other' as const, type: 6, hash: undefined, said }
      return { ...packet, units: [...(packet.units ?? []), unit] }
    })
  const first = `${UUID}${'01'.repeat(8)}`
  const knowing = (() => {
    const watch = watchOf()
    verdictsOf(watch, saying(madeStream({ seconds: 41, seed: 1 }), first))
    return watch.baseline ?? assert.fail('not learned')
  })()
  const rotationsOf = (packets: readonly StreamPacket[]) =>
    verdictsOf(watchOf(knowing), packets)
      .filter(({ rotate }) => rotate)
      .map(({ reasons }) => reasons[0]?.what)

  it('says that it is another, or begins as the camera did', () => {
    assert.deepEqual(knowing.traits.said, [{ words: first, isOnce: true }])
    assert.deepEqual(readBaseline(writeBaseline(knowing)), knowing)
    assert.deepEqual(rotationsOf(run({ seconds: 5 })), [])
    assert.deepEqual(rotationsOf(saying(run({ seconds: 5 }), first)), ['restart'])
    const other = `${UUID}${'02'.repeat(8)}`
    assert.deepEqual(rotationsOf(saying(run({ seconds: 5 }), other)), ['encoder'])
    // Words of somebody else's, which the camera did not say anything by.
    const unknown = `${'ab'.repeat(16)}${'02'.repeat(8)}`
    assert.deepEqual(rotationsOf(saying(run({ seconds: 5 }), unknown)), [])
  })

  it('what a camera says again and again says nothing', () => {
    const watch = watchOf()
    const packets = madeStream({ seconds: 41, seed: 1 })
    verdictsOf(watch, saying(packets, first, first))
    assert.deepEqual(watch.baseline?.traits.said, [{ words: first, isOnce: false }])
    const changing = watchOf()
    verdictsOf(changing, saying(packets, first, `${UUID}${'03'.repeat(8)}`))
    assert.deepEqual(changing.baseline?.traits.said, [])
  })

  it('sends a key frame out of turn, before the camera could have', () => {
    const begin = run({ seconds: 10.5 })
    const after = run({ ...continued(begin), seed: 9 })
    const early = after.map((packet) => ({ ...packet, atMs: packet.atMs - 15 }))
    const { rotations } = judged([...begin, ...early])
    assert.deepEqual(
      rotations.map(({ reasons }) => reasons.map(({ what }) => what)),
      [['key frame out of turn', 'clock']],
    )
    const late = after.map((packet) => ({ ...packet, atMs: packet.atMs + 15 }))
    assert.deepEqual(judged([...begin, ...late]).rotations, [])
  })
})

it('StreamWatch.renew() lets an encoder begin anew after an anomaly, and only then', () => {
  const watch = watchOf(learned.baseline)
  const packets = run({ seconds: 5 })
  const again = run({ ...continued(packets), seconds: 15, seed: 4 }).map((packet) => ({
    ...{ ...packet, ssrc: 8, sequence: (packet.sequence + 20_000) & 0xffff },
    timestamp: (packet.timestamp + 5_000_000) >>> 0,
  }))
  const at = again.findIndex((packet) => packet.atMs > (again[0]?.atMs ?? 0) + 500)
  verdictsOf(watch, packets)
  watch.renew(again[0]?.atMs ?? 0)
  const before = verdictsOf(watch, again.slice(0, at))
  assert.deepEqual(
    before.filter(({ rotate }) => rotate).map(({ reasons }) => reasons[0]?.what),
    ['ssrc'],
  )
  watch.renew(again[at]?.atMs ?? 0)
  const after = verdictsOf(watch, again.slice(at))
  assert.ok(after.every(({ rotate }) => !rotate))
  assert.equal(after.at(-1)?.state, 'normal')
})

it('StreamWatch never throws, whatever packets say, and goes on (seed 25)', () => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const forged = fc.record({
    ...{ sequence: fc.integer({ min: 0, max: 65_535 }), timestamp: word, marker: fc.boolean() },
    ...{ bytes: fc.integer({ min: 12, max: 65_507 }), payloadType: fc.constantFrom(96, 0, 127) },
    ssrc: fc.constantFrom(7, 7, 7, 8),
    units: fc.constantFrom(undefined, [], [set('aa')], [set('cc')]),
  })
  const some = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), forged), { maxLength: 60 })
  const packets = run({ seconds: 3 })
  fc.assert(
    fc.property(some, fc.boolean(), (between, isLearned) => {
      const watch = watchOf(isLearned ? learned.baseline : undefined)
      const by = new Map(between)
      const verdicts = packets.flatMap((packet, i) => {
        const other = by.get(i)
        const first = other === undefined ? [] : [{ ...packet, ...other }]
        return verdictsOf(watch, [...first, packet])
      })
      assert.ok(verdicts.every(({ scores }) => Object.values(scores).every(Number.isFinite)))
      assert.ok((verdicts.at(-1)?.atMs ?? 0) > LATER.fromMs + 2_000)
    }),
    { seed: 25, numRuns: 100 },
  )
})
