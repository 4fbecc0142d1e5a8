import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulateSite } from '../../src/flows/simulate-site.ts'
import type { Answers, SiteReport } from '../../src/flows/site-report.ts'
import type {
  PoolScenario,
  ScalingMode,
  ScalingScenario,
  SessionScenario,
  SiteScenario,
} from '../../src/flows/site-scenario.ts'
import type { BalancePolicy } from '../../src/routing/balancer.ts'

const SESSIONS: SessionScenario = {
  ...{ perMinute: [1800], daySwing: 0, peakHour: 15, crowds: [] },
  ...{ requests: 10, thinkS: 4, thinkSigma: 1 },
  ...{ serviceMs: 20, service: 'lognormal', serviceSigma: 0.7, idempotent: 0.9 },
}
const POOL: PoolScenario = {
  ...{ policies: ['latency'], stay: true },
  ...{ boundedLoad: 1.25, slowStartMs: 10_000, timeoutMs: 30_000 },
}
const SCALING: ScalingScenario = {
  modes: ['none'],
  server: { slots: 8, speed: 1, weight: 1, startUpS: 180 },
  ...{ max: 8, utilisation: 0.6 },
  reactive: { everyS: 15, cooldownS: 60 },
  predictive: { marginS: 60, historyDays: 8, daySigma: 0.1 },
}
const FIVE = ['a', 'b', 'c', 'd', 'e'].map((id) => ({
  ...{ id, slots: 4, speed: 1, weight: 1, startUpS: 0 },
}))
const SITE: SiteScenario = {
  ...{ seed: 7, forS: 300, warmUpS: 60, beginsAtHour: 12 },
  ...{ sessions: SESSIONS, pool: POOL, servers: FIVE, events: [], scaling: SCALING, phases: [] },
  miss: { ms: 20, workMs: 1, keysAhead: false },
}

function simulate(
  change: Partial<SiteScenario>,
  policy: BalancePolicy = 'latency',
  scaling: ScalingMode = 'none',
): SiteReport {
  return simulateSite({ ...SITE, ...change }, { policy, scaling })
}

function shareOf({ shares }: Answers, id: string): number {
  return shares.find(({ server }) => server === id)?.share ?? Number.NaN
}

/** Mean wait in an M/M/c queue over the mean service time (Erlang, 1917). */
function erlangWait(servers: number, offered: number): number {
  let blocked = 1
  for (let i = 1; i <= servers; i++) blocked = (offered * blocked) / (i + offered * blocked)
  const waiting = blocked / (1 - (offered / servers) * (1 - blocked))
  return waiting / (servers - offered)
}

describe('against queueing theory', () => {
  for (const [slots, load] of [
    [1, 0.7],
    [4, 0.8],
    [16, 0.9],
  ] as const) {
    it(`M/M/${slots} at ${load}: the mean wait is Erlang's within 5 %`, (t) => {
      const offered = slots * load
      // Sessions of one request each come by a Poisson process: an M/M/c queue.
      const { meanMs, requests } = simulate({
        // Some 300 000 requests and more: the mean of fewer is off by more than that.
        ...{ forS: slots === 1 ? 9_000 : 2_000, warmUpS: 300 },
        servers: [{ id: 'a', slots, speed: 1, weight: 1, startUpS: 0 }],
        sessions: {
          ...SESSIONS,
          ...{ requests: 1, service: 'exponential', perMinute: [(offered / 20) * 60_000] },
        },
      })
      assert.ok(requests > 100_000)
      const wait = ((meanMs ?? 0) - 20) / 20
      t.diagnostic(`${requests} requests: ${wait}, Erlang ${erlangWait(slots, offered)}`)
      assert.ok(Math.abs(wait / erlangWait(slots, offered) - 1) < 0.05, `${wait}`)
    })
  }

  it('knows the textbook values of Erlang C it is compared with', () => {
    // M/M/1: rho / (1 - rho); M/M/2 at rho 0.5: 1/3.
    assert.ok(Math.abs(erlangWait(1, 0.7) - 0.7 / 0.3) < 1e-12)
    assert.ok(Math.abs(erlangWait(2, 1) - 1 / 3) < 1e-12)
  })

  it('lets as many sessions come as the rate says, with as many requests', () => {
    const { requests, sessions } = simulate({ forS: 1200 })
    assert.ok(Math.abs(sessions / (30 * 1200) - 1) < 0.02, `${sessions} sessions`)
    assert.ok(Math.abs(requests / (300 * 1200) - 1) < 0.02, `${requests} requests`)
  })
})

describe('shares', () => {
  const anew = { ...POOL, stay: false }
  const ahead = { ...SITE.miss, keysAhead: true }

  for (const stay of [true, false]) {
    it(`five equal servers get 20 +- 1 % each, sessions ${stay ? 'staying' : 'not staying'}`, () => {
      const report = simulate({ pool: { ...POOL, stay }, miss: ahead, forS: 900 })
      for (const { share, server } of report.shares) {
        assert.ok(Math.abs(share - 0.2) < 0.01, `${server}: ${share}`)
      }
    })
  }

  it('one ten times slower gets less than 1 %, but not nothing, and its own back', () => {
    const report = simulate({
      ...{ pool: anew, miss: ahead, forS: 500 },
      events: [{ does: 'slow', server: 'e', atS: 50, toS: 300, factor: 10 }],
      phases: [
        { name: 'slow', fromS: 52, toS: 300 },
        { name: 'well again', fromS: 302, toS: 500 },
      ],
    })
    const [slow, again] = report.phases
    assert.ok(slow !== undefined && again !== undefined)
    const share = shareOf(slow, 'e')
    assert.ok(share > 0 && share < 0.01, `${share}`)
    assert.ok(Math.abs(shareOf(again, 'e') - 0.2) < 0.02, `${shareOf(again, 'e')}`)
  })

  it('weights count, and the ring leads a session to the same server each time', () => {
    const servers = FIVE.map((one) => (one.id === 'a' ? { ...one, weight: 2, slots: 8 } : one))
    const report = simulate({ servers, pool: anew, miss: ahead, forS: 600 }, 'round-robin')
    assert.ok(Math.abs(shareOf(report, 'a') - 2 / 6) < 0.001, `${shareOf(report, 'a')}`)
    const roomy = { ...anew, boundedLoad: 100 }
    assert.equal(simulate({ pool: roomy }, 'consistent-hash').moves, 0)
  })
})

describe('sessions', () => {
  it('stay where they are, unless each request is chosen for anew', () => {
    assert.ok(simulate({}).movesPer1000 < 10)
    const anew = simulate({ pool: { ...POOL, stay: false } }, 'p2c')
    // Of ten requests nine may move, to one of four others out of five.
    assert.ok(Math.abs(anew.movesPer1000 - 720) < 30, `${anew.movesPer1000}`)
  })

  it('wait for their keys when they move, unless these are there', () => {
    const pool = { ...POOL, stay: false }
    const fetched = simulate({ pool }, 'p2c')
    const placed = simulate({ pool, miss: { ...SITE.miss, keysAhead: true } }, 'p2c')
    assert.equal(fetched.misses, fetched.moves)
    assert.equal(placed.misses, 0)
    const dearer = (fetched.meanMs ?? 0) - (placed.meanMs ?? 0)
    // Each that moves waits 20 ms and takes 1 ms more, which makes others wait a little.
    const moving = (fetched.moves / fetched.requests) * 21
    assert.ok(dearer > 0.98 * moving && dearer < 1.15 * moving, `${dearer}, not ${moving}`)
  })
})

describe('events', () => {
  const phases = [{ name: 'then', fromS: 101, toS: 300 }]

  it('a server that is drained fails nothing, and takes nothing more', () => {
    const report = simulate({ events: [{ does: 'drain', server: 'c', atS: 100 }], phases })
    assert.equal(report.failed, 0)
    assert.equal(shareOf(report.phases[0] as Answers, 'c'), 0)
    assert.deepEqual(
      report.capacity.map(({ became }) => became),
      ['draining', 'gone'],
    )
    assert.ok(Math.abs(report.serverMinutes - (4 * 5 + 100 / 60)) < 0.01, `${report.serverMinutes}`)
  })

  it('one that is killed fails what may not be sent again, and only that', () => {
    const kill = (idempotent: number, atS: number) => {
      const events = [{ does: 'kill', server: 'c', atS }] as const
      return simulate({ events, phases, sessions: { ...SESSIONS, idempotent } })
    }
    let failed = 0
    // At one moment it may have none.
    for (const atS of [98, 99, 100]) {
      assert.equal(kill(1, atS).failed, 0)
      const report = kill(0, atS)
      failed += report.failed
      assert.equal(report.phases[0]?.failed, 0)
      assert.equal(shareOf(report.phases[0] as Answers, 'c'), 0)
    }
    assert.ok(failed > 0 && failed < 100, `${failed}`)
  })

  it('one that is added answers when it has started', () => {
    const servers = FIVE.map((one) => (one.id === 'e' ? { ...one, startUpS: 30 } : one))
    const events = [{ does: 'add', server: 'e', atS: 60 }] as const
    const before = [{ name: 'before', fromS: 0, toS: 90 }]
    const report = simulate({ servers, events, phases: [...before, ...phases] })
    const [early, late] = report.phases
    assert.equal(shareOf(early as Answers, 'e'), 0)
    assert.ok(shareOf(late as Answers, 'e') > 0.1)
    assert.deepEqual(
      report.capacity.map(({ atS, became }) => [atS, became]),
      [
        [60, 'ordered'],
        [90, 'ready'],
      ],
    )
  })

  it('one that was killed comes back when it is added again', () => {
    const events = [
      { does: 'kill', server: 'e', atS: 50 },
      { does: 'add', server: 'e', atS: 100 },
    ] as const
    const report = simulate({ events, phases: [{ name: 'before', fromS: 0, toS: 50 }, ...phases] })
    const [before, then] = report.phases
    assert.ok(shareOf(before as Answers, 'e') > 0.15)
    assert.ok(shareOf(then as Answers, 'e') > 0.1)
    assert.ok(Math.abs(report.serverMinutes - (5 * 5 - 50 / 60)) < 0.01)
  })

  it('with no server left all fail; what takes too long has failed', () => {
    const events = FIVE.map(({ id }) => ({ does: 'kill', server: id, atS: 100 }) as const)
    const [then] = simulate({ events, phases }).phases
    assert.ok(then !== undefined && then.requests > 0)
    assert.equal(then.failed, then.requests)
    assert.equal(then.p99Ms, null)
    const hasty = simulate({ pool: { ...POOL, timeoutMs: 100 } })
    assert.ok(hasty.failed > 0 && (hasty.maxMs ?? 0) <= 100)
  })
})

describe('a flash crowd that is over before a server has started', () => {
  const crowd = { name: 'offer', fromS: 600, toS: 720, factor: 3, rampS: 30 }
  const site: Partial<SiteScenario> = {
    forS: 1200,
    beginsAtHour: 19,
    sessions: {
      ...{ ...SESSIONS, perMinute: [1700], serviceMs: 50 },
      crowds: [{ ...crowd, everyDays: 1, announced: true }],
    },
    servers: FIVE.slice(1).map((one) => ({ ...one, slots: 8 })),
    phases: [{ name: 'offer', fromS: 600, toS: 750 }],
  }
  const reports = (['none', 'reactive', 'predictive'] as const).map((mode) =>
    simulate(site, 'latency', mode),
  )
  const [none, reactive, predictive] = reports as [SiteReport, SiteReport, SiteReport]
  const p99 = ({ phases }: SiteReport): number => phases[0]?.p99Ms ?? Number.NaN
  const firstReady = ({ capacity }: SiteReport): number =>
    capacity.find(({ became }) => became === 'ready')?.atS ?? Number.NaN

  it('has a p99 at least three times better when it was predicted than by reacting', (t) => {
    t.diagnostic(`p99 in the crowd: ${reports.map((one) => p99(one).toFixed(0)).join(', ')} ms`)
    assert.ok(p99(predictive) * 3 <= p99(reactive), `${p99(predictive)}, ${p99(reactive)}`)
    assert.ok(p99(reactive) <= p99(none))
  })

  it('finds the servers ready in time only when it was predicted', () => {
    assert.ok(firstReady(predictive) <= crowd.fromS, `${firstReady(predictive)}`)
    assert.ok(firstReady(reactive) > crowd.toS, `${firstReady(reactive)}`)
  })

  it('gives the extra servers back, and says how far off the forecast was', () => {
    for (const report of [reactive, predictive]) {
      const ordered = report.capacity.filter(({ became }) => became === 'ordered').length
      const gone = report.capacity.filter(({ became }) => became === 'gone').length
      assert.ok(ordered > 0 && gone > 0 && gone <= ordered, `${ordered} ordered, ${gone} gone`)
      assert.ok(report.serverMinutes > none.serverMinutes)
      assert.equal(report.failed, 0)
    }
    const { all, whileItMattered } = predictive.forecast ?? assert.fail('no forecast')
    assert.equal(all.aheadS, 240)
    assert.ok(all.minutes > whileItMattered.minutes && whileItMattered.minutes > 0)
    assert.ok(whileItMattered.error > 0 && whileItMattered.error < 1)
  })

  it('is met by servers of another size than those there are', () => {
    const small = FIVE.map((one) => ({ ...one, slots: 7 }))
    const scaling = { ...SCALING, server: { ...SCALING.server, slots: 70, startUpS: 30 } }
    const report = simulate({ ...site, servers: small, scaling }, 'latency', 'reactive')
    assert.ok(report.capacity.some(({ became }) => became === 'ready'))
  })

  it('is not foreseen by anybody when it was never there and nobody told', () => {
    const unheardOf = { ...crowd, everyDays: 0, announced: false }
    const sessions = { ...(site.sessions ?? SESSIONS), crowds: [unheardOf] }
    const report = simulate({ ...site, sessions }, 'latency', 'predictive')
    assert.ok(firstReady(report) > crowd.toS)
    assert.ok(p99(report) > 3 * p99(predictive))
  })
})

describe('simulateSite()', () => {
  it('gives the same report byte for byte from the same seed, and another from another', () => {
    const text = (seed: number) => JSON.stringify(simulate({ seed, forS: 60 }))
    assert.equal(text(1), text(1))
    assert.notEqual(text(1), text(2))
    const scaled = () => simulate({ forS: 120 }, 'latency', 'predictive')
    assert.deepEqual(scaled(), scaled())
  })

  it('lets every policy meet the same sessions', () => {
    const counts = (
      ['p2c', 'least-loaded', 'prequal', 'round-robin', 'consistent-hash'] as const
    ).map((policy) => simulate({ forS: 60 }, policy).sessions)
    assert.deepEqual(new Set(counts), new Set([simulate({ forS: 60 }).sessions]))
  })

  it('tells every minute how far it is', () => {
    const minutes: number[] = []
    simulateSite({ ...SITE, forS: 120 }, { policy: 'p2c', scaling: 'none' }, (atS) =>
      minutes.push(atS),
    )
    assert.deepEqual(minutes, [0, 60, 120])
  })
})
