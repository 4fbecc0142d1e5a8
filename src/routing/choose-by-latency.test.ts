import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import {
  type ChoiceMoment,
  chooseByLatency,
  choosePrequal,
  isMuchSooner,
  LOOK_EVERY,
  type PacedServer,
  PROBE_EVERY,
  ServerPace,
} from './choose-by-latency.ts'
import { chooseLeastLoaded, chooseOfTwo, NO_SERVER } from './choose-server.ts'
import { RequestKinds } from './request-kinds.ts'

/** Requests that a server serves at once; more wait in it. */
const WORKERS = 4
const SERVICE_MS = 5
const CALM: ChoiceMoment = { requests: 0, ms: 0, slowStartMs: 0 }

interface Simulated extends PacedServer {
  inFlight: number
  weight: number
  usable: boolean
  busy: number
  readonly waiting: number[]
}

interface Answer {
  readonly server: number
  /** When it was asked, ms. */
  readonly at: number
  readonly latencyMs: number
}

type Choose = (
  servers: readonly Simulated[],
  fraction: () => number,
  requests: number,
  ms: number,
) => number

const byLatency: Choose = (servers, fraction, requests, ms) =>
  chooseByLatency(servers, fraction, NO_SERVER, { requests, ms, slowStartMs: 0 })
const byTwo: Choose = (servers, fraction) =>
  chooseOfTwo(servers, [fraction(), fraction()], NO_SERVER)
const byPrequal: Choose = (servers, fraction) => choosePrequal(servers, fraction, NO_SERVER)
const byLoad: Choose = (servers, fraction) => chooseLeastLoaded(servers, fraction(), NO_SERVER)

/** These numbers, over and over. */
function drawing(...numbers: readonly number[]): () => number {
  let at = 0
  return () => numbers[at++ % numbers.length] as number
}

function paced(change: Partial<Simulated> = {}): Simulated {
  const state = { weight: 1, inFlight: 0, usable: true, pace: new ServerPace() }
  return { ...state, busy: 0, waiting: [], ...change }
}

interface Kind {
  readonly share: number
  readonly serviceMs: number
}
const ONE_KIND: readonly Kind[] = [{ share: 1, serviceMs: SERVICE_MS }]

/** Five servers that queue, Poisson arrivals, half of each service time fixed, half exponential. */
function simulate(
  choose: Choose,
  perSecond: number,
  untilMs: number,
  slowness: (server: number, ms: number) => number,
  kinds: readonly Kind[] = ONE_KIND,
  fails: (server: number, ms: number) => boolean = () => false,
): Answer[] {
  const { fraction } = seededRandom(7)
  const servers = Array.from({ length: 5 }, () => paced())
  const exponential = (mean: number) => -Math.log(1 - fraction()) * mean
  const due: { ms: number; run: () => void }[] = []
  const answers: Answer[] = []
  const compared = new RequestKinds()
  let now = 0
  let requests = 0
  const kindOf = (drawn: number): number => {
    let rest = drawn
    return kinds.findIndex(({ share }, i) => {
      rest -= share
      return rest < 0 || i === kinds.length - 1
    })
  }
  const schedule = (ms: number, run: () => void): void => {
    let at = due.length
    // The next one is the last.
    while (at > 0 && (due[at - 1]?.ms ?? 0) < ms) at--
    due.splice(at, 0, { ms, run })
  }
  const serve = (index: number, at: number): void => {
    const server = servers[index] as Simulated
    server.busy++
    const kind = kinds.length === 1 ? 0 : kindOf(fraction())
    const { serviceMs } = kinds[kind] as Kind
    const ms = (serviceMs / 2 + exponential(serviceMs / 2)) * slowness(index, now)
    schedule(now + ms, () => {
      const took = compared.compare(kind, now - at)
      if (fails(index, now)) server.pace.failed()
      else if (took !== undefined) server.pace.learn(took, server.inFlight)
      server.busy--
      server.inFlight--
      answers.push({ server: index, at, latencyMs: now - at })
      const next = server.waiting.shift()
      if (next !== undefined) serve(index, next)
    })
  }
  const arrive = (): void => {
    const index = choose(servers, fraction, requests++, now)
    const server = servers[index] as Simulated
    server.inFlight++
    if (server.busy < WORKERS) serve(index, now)
    else server.waiting.push(now)
    schedule(now + exponential(1000 / perSecond), arrive)
  }
  schedule(0, arrive)
  while (now < untilMs) {
    const next = due.pop()
    if (next === undefined) break
    now = next.ms
    next.run()
  }
  return answers
}

function share(answers: readonly Answer[], server: number, from: number, to: number): number {
  const within = answers.filter(({ at }) => at >= from && at < to)
  return within.filter((one) => one.server === server).length / within.length
}

function p99(answers: readonly Answer[], from: number, to: number): number {
  const within = answers.filter(({ at }) => at >= from && at < to)
  const sorted = within.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b)
  return sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN
}

const SICK_MS = 20_000
const slowAtFirst = (server: number, ms: number) => (server === 0 && ms < SICK_MS ? 10 : 1)

describe('chooseByLatency()', () => {
  // Most are quick, some take ten times, a few a hundred times as long.
  const mixed: readonly Kind[] = [
    { share: 0.9, serviceMs: 2 },
    { share: 0.08, serviceMs: 20 },
    { share: 0.02, serviceMs: 200 },
  ]

  for (const perSecond of [200, 1500]) {
    it(`gives who fails at once no more than who is slow, at ${perSecond}/s, and its fifth when it is well`, () => {
      const isSick = (server: number, ms: number) => server === 0 && ms < SICK_MS
      const atOnce = (server: number, ms: number) => (isSick(server, ms) ? 0.05 : 1)
      const answers = simulate(byLatency, perSecond, 2 * SICK_MS, atOnce, ONE_KIND, isSick)
      const got = share(answers, 0, 2_000, SICK_MS)
      assert.ok(got > 0 && got < 0.01, `${got}`)
      const again = share(answers, 0, SICK_MS + 2_000, 2 * SICK_MS)
      assert.ok(Math.abs(again - 0.2) < 0.02, `${again}`)
    })
  }

  it('leaves a slow one half a percent of requests that cost from 2 to 200 ms', () => {
    const answers = simulate(byLatency, 200, 60_000, (server) => (server === 0 ? 10 : 1), mixed)
    const got = share(answers, 0, 10_000, 60_000)
    assert.ok(got > 0 && got < 0.01, `${got}`)
  })

  it('takes no server for slow because it was asked for what takes long', () => {
    const answers = simulate(byLatency, 100, 120_000, () => 1, mixed)
    const shares = Array.from({ length: 5 * 12 }, (_, i) =>
      share(answers, i % 5, 10_000 * Math.floor(i / 5), 10_000 * (Math.floor(i / 5) + 1)),
    )
    // Of a thousand requests: by what they took alone it is 0.11 and 0.29.
    assert.ok(Math.min(...shares) > 0.14, `${Math.min(...shares)}`)
    assert.ok(Math.max(...shares) < 0.27, `${Math.max(...shares)}`)
  })

  for (const perSecond of [200, 500, 1500]) {
    it(`gives equal servers a fifth each at ${perSecond}/s`, () => {
      const answers = simulate(byLatency, perSecond, 60_000, () => 1)
      for (let i = 0; i < 5; i++) {
        const got = share(answers, i, 0, 60_000)
        assert.ok(Math.abs(got - 0.2) < 0.01, `server ${i}: ${got}`)
      }
    })

    it(`leaves one ten times slower half a percent at ${perSecond}/s, which nobody feels`, () => {
      const answers = simulate(byLatency, perSecond, SICK_MS, slowAtFirst)
      const got = share(answers, 0, 2_000, SICK_MS)
      assert.ok(got > 0 && got < 0.01, `${got}`)
      const without = p99(
        simulate(byLatency, perSecond, SICK_MS, () => 1),
        2_000,
        SICK_MS,
      )
      const felt = p99(answers, 2_000, SICK_MS)
      assert.ok(felt < 1.5 * without, `${felt} ms, ${without} ms when all are well`)
      // The same by load alone: what this is for.
      const byLoadAlone = p99(simulate(byTwo, perSecond, SICK_MS, slowAtFirst), 2_000, SICK_MS)
      assert.ok(byLoadAlone > 3 * felt, `${byLoadAlone} ms by load alone`)
    })
  }

  it('believes the second of two answers in a row that take less than half of what was expected', () => {
    const pace = new ServerPace()
    for (let i = 0; i < 50; i++) pace.learn(100, 1)
    pace.learn(10, 1)
    assert.equal(pace.latencyMs, 55)
    pace.learn(10, 1)
    assert.equal(pace.latencyMs, 10)
    pace.learn(100, 3)
    assert.equal(pace.latencyMs, 19)
  })

  it('takes it back within a second of being well', () => {
    const answers = simulate(byLatency, 500, SICK_MS + 6_000, slowAtFirst)
    const got = share(answers, 0, SICK_MS + 1_000, SICK_MS + 6_000)
    assert.ok(Math.abs(got - 0.2) < 0.03, `${got}`)
  })

  it('asks a slow server one request at a time', () => {
    const servers = [paced(), paced()]
    servers[0]?.pace.learn(100, 1)
    servers[1]?.pace.learn(5, 1)
    const busy = servers[0] as Simulated
    busy.inFlight = 1
    for (let requests = 0; requests < 1000; requests++) {
      assert.equal(chooseByLatency(servers, drawing(0.1, 0.9), NO_SERVER, { ...CALM, requests }), 1)
    }
    busy.inFlight = 0
    assert.equal(
      chooseByLatency(servers, drawing(0.1, 0.9), NO_SERVER, { ...CALM, requests: 1000 }),
      0,
    )
  })

  it('charges a server for what is in flight by how much it has been seen to work off at once', () => {
    const [large, small] = [paced({ inFlight: 3 }), paced({ inFlight: 2 })]
    for (let i = 0; i < 100; i++) {
      large.pace.learn(30, 4)
      small.pace.learn(30, 1)
    }
    const choose = () => chooseByLatency([small, large], drawing(0.1, 0.9), NO_SERVER, CALM)
    assert.equal(choose(), 1, 'one of four is free there')
    large.inFlight = 12
    assert.equal(choose(), 0)
    // What a weight says is not charged twice.
    large.weight = 4
    large.inFlight = 3
    assert.equal(choose(), 1)
    large.inFlight = 20
    assert.equal(choose(), 0)
  })

  it('one answer counts four times as long at most, unless others wait behind it', () => {
    const [idle, busy] = [new ServerPace(), new ServerPace()]
    for (const pace of [idle, busy]) for (let i = 0; i < 20; i++) pace.learn(10, 1)
    idle.learn(1000, 1)
    busy.learn(1000, 2)
    assert.deepEqual([idle.latencyMs, busy.latencyMs], [13, 109])
    // Who looks is told of it.
    assert.deepEqual([idle.meanMs, busy.meanMs], [109, 109])
    // The first of all is all that is known.
    const first = new ServerPace()
    first.learn(1000, 1)
    assert.equal(first.latencyMs, 1000)
  })

  it('asks one again that seemed somewhat slower after ten requests, a slow one after 200', () => {
    for (const [ms, after] of [
      [15, LOOK_EVERY],
      [25, PROBE_EVERY],
    ] as const) {
      const servers = [paced(), paced()] as const
      for (let i = 0; i < 20; i++) {
        servers[0].pace.learn(10, 1)
        servers[1].pace.learn(ms, 1)
      }
      servers[1].pace.askedAt = 0
      const chosen = (requests: number) =>
        chooseByLatency(servers, drawing(0, 0.9), NO_SERVER, { ...CALM, requests })
      assert.deepEqual([chosen(after - 1), chosen(after)], [0, 1], `${ms} ms`)
    }
  })

  it('takes no server for busy, or not to be probed, because of a WebSocket that is open', () => {
    const servers = [paced(), paced({ inFlight: 1 })] as const
    for (const { pace } of servers) for (let i = 0; i < 20; i++) pace.learn(10, 1)
    const chosen = (requests: number) =>
      chooseByLatency(servers, drawing(0.9, 0), NO_SERVER, { ...CALM, requests })
    assert.equal(chosen(0), 0)
    servers[1].pace.tunnels = 1
    assert.equal(chosen(0), 1)
    servers[1].pace.latencyMs = 50
    servers[1].pace.askedAt = 0
    assert.equal(chosen(PROBE_EVERY), 1)
  })

  it('gives a fifth each to equal servers that stand still now and then', () => {
    // One of two hundred answers takes 50 ms in place of one.
    const paused: readonly Kind[] = [{ share: 1, serviceMs: 1 }]
    let asked = 0
    const standing = () => (++asked % 200 === 0 ? 50 : 1)
    const answers = simulate(byLatency, 100, 120_000, standing, paused)
    const shares = Array.from({ length: 5 * 12 }, (_, i) =>
      share(answers, i % 5, 10_000 * Math.floor(i / 5), 10_000 * (Math.floor(i / 5) + 1)),
    )
    assert.ok(Math.min(...shares) > 0.15, `${Math.min(...shares)}`)
    assert.ok(Math.max(...shares) < 0.25, `${Math.max(...shares)}`)
  })

  it('takes no server for slow that answers within a millisecond', () => {
    const servers = [paced(), paced()]
    servers[0]?.pace.learn(0.9, 1)
    servers[1]?.pace.learn(0.1, 1)
    assert.equal(chooseByLatency(servers, drawing(0.1, 0.9), NO_SERVER, CALM), 0)
    servers[0]?.pace.learn(30, 1)
    assert.equal(chooseByLatency(servers, drawing(0.1, 0.9), NO_SERVER, CALM), 1)
  })

  it('starts a server that comes up slowly', () => {
    const servers = [paced(), paced()]
    for (const { pace } of servers) pace.learn(5, 1)
    const cold = servers[0] as Simulated
    cold.pace.upSince = 0
    cold.pace.askedAt = 0
    const at = (ms: number) =>
      chooseByLatency(servers, drawing(0.1, 0.9), NO_SERVER, {
        requests: 10,
        ms,
        slowStartMs: 1000,
      })
    assert.equal(at(100), 1)
    assert.equal(at(1000), 0)
  })

  it('takes only what is usable, has weight, and is not excepted', () => {
    const any = fc.record({
      weight: fc.nat(3),
      inFlight: fc.nat(20),
      usable: fc.boolean(),
      latencyMs: fc.nat(50),
    })
    fc.assert(
      fc.property(
        fc.array(any, { maxLength: 8 }),
        fc.integer({ min: -1, max: 8 }),
        fc.nat(),
        (states, except, seed) => {
          const servers = states.map(({ latencyMs, ...state }) => {
            const server = paced(state)
            if (latencyMs > 0) server.pace.learn(latencyMs, 1)
            return server
          })
          const may = servers.map((one, i) => one.usable && one.weight > 0 && i !== except)
          const { fraction } = seededRandom(seed)
          for (const index of [
            chooseByLatency(servers, fraction, except, CALM),
            choosePrequal(servers, fraction, except),
            chooseLeastLoaded(servers, fraction(), except),
          ]) {
            assert.equal(index !== NO_SERVER, may.includes(true))
            if (index !== NO_SERVER) assert.equal(may[index], true)
          }
        },
      ),
      { seed: 20261121 },
    )
  })
})

describe('isMuchSooner()', () => {
  it('says so when the other server takes a quarter, and more than a move costs', () => {
    const [here, there] = [paced(), paced()]
    const isSooner = () => isMuchSooner(there, here, CALM)
    here.pace.learn(100, 3)
    there.pace.learn(10, 3)
    assert.equal(isSooner(), false, 'one answer says nothing')
    for (const { pace } of [here, there]) for (let i = 0; i < 20; i++) pace.learn(10, 3)
    here.pace.latencyMs = 59
    assert.equal(isSooner(), false)
    here.pace.latencyMs = 61
    assert.equal(isSooner(), true)
    here.pace.latencyMs = 10
    here.inFlight = 100
    assert.equal(isSooner(), false, 'a burst is not a slow server')
  })
})

describe('the policies to compare with', () => {
  it('give equal servers about a fifth each', () => {
    for (const choose of [byTwo, byPrequal, byLoad]) {
      const answers = simulate(choose, 1500, 20_000, () => 1)
      for (let i = 0; i < 5; i++) {
        const got = share(answers, i, 0, 20_000)
        assert.ok(Math.abs(got - 0.2) < 0.03, `${choose.name}, server ${i}: ${got}`)
      }
    }
  })
})
