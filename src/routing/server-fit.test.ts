import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { NO_SERVER } from './choose-server.ts'
import {
  CANDIDATES_MAX,
  explainChoice,
  type FittingServer,
  type Outcome,
  rankServers,
  ServerFit,
} from './server-fit.ts'

const START = { answers: 0, ms: 0 }
const ANYBODY = { cluster: -1, wants: [] }

type Changeable = { -readonly [K in keyof FittingServer]: FittingServer[K] }

/** The one a pool would take. */
function chooseFitting(...asked: Parameters<typeof rankServers>): number {
  return rankServers(...asked)[0]?.index ?? NO_SERVER
}

function server(id: string, change: Partial<Changeable> = {}): Changeable {
  return { id, labels: [], weight: 1, inFlight: 0, usable: true, fit: new ServerFit(), ...change }
}

/** Requests in a Poisson stream to servers that take as many at once as come, each its own time. */
function simulate(options: {
  readonly servers: Changeable[]
  readonly perSecond: number
  readonly untilMs: number
  readonly cluster?: (n: number) => number
  serviceMs(server: number, cluster: number, now: number): number
  outcome?(server: number, cluster: number, now: number): Outcome
}): { server: number; cluster: number; at: number }[] {
  const fraction = seededRandom(7).fraction
  const running: { until: number; server: number; cluster: number; began: number }[] = []
  const taken: { server: number; cluster: number; at: number }[] = []
  let now = 0
  let answers = 0
  for (const { fit } of options.servers) fit.resize(options.servers.length)
  for (let n = 0; now < options.untilMs; n++) {
    now += (-Math.log(1 - fraction()) * 1000) / options.perSecond
    running.sort((a, b) => a.until - b.until)
    while ((running[0]?.until ?? Number.POSITIVE_INFINITY) <= now) {
      const done = running.shift() as (typeof running)[number]
      const at = options.servers[done.server] as Changeable
      at.inFlight--
      const outcome = options.outcome?.(done.server, done.cluster, done.until) ?? 'good'
      at.fit.learn(done.cluster, outcome, done.until - done.began, {
        answers: answers++,
        ms: done.until,
      })
    }
    const cluster = options.cluster?.(n) ?? 0
    const chosen = chooseFitting(options.servers, { cluster, wants: [] }, fraction, NO_SERVER, {
      answers,
      ms: now,
    })
    if (chosen === NO_SERVER) continue
    const at = options.servers[chosen] as Changeable
    at.inFlight++
    const ms = options.serviceMs(chosen, cluster, now)
    running.push({ until: now + ms, server: chosen, cluster, began: now })
    taken.push({ server: chosen, cluster, at: now })
  }
  return taken
}

const shareOf = (taken: { server: number }[], index: number): number =>
  taken.filter((each) => each.server === index).length / taken.length

describe('rankServers()', () => {
  const five = () => Array.from({ length: 5 }, (_, i) => server(`s${i}`))

  it('gives equal servers equal shares', () => {
    const taken = simulate({ servers: five(), perSecond: 500, untilMs: 20_000, serviceMs: () => 5 })
    for (let i = 0; i < 5; i++) assert.ok(Math.abs(shareOf(taken, i) - 0.2) < 0.02, `${i}`)
  })

  it('gives servers shares by weight under load', () => {
    const servers = five()
    ;(servers[0] as Changeable).weight = 4
    const taken = simulate({ servers, perSecond: 5_000, untilMs: 5_000, serviceMs: () => 5 })
    assert.ok(Math.abs(shareOf(taken, 0) - 0.5) < 0.05, `${shareOf(taken, 0)}`)
  })

  it('leaves a server ten times slower little but something, and takes it back when it is well', () => {
    const servers = five()
    const taken = simulate({
      servers,
      perSecond: 500,
      untilMs: 40_000,
      serviceMs: (index, _cluster, now) => (index === 0 && now < 20_000 ? 50 : 5),
    })
    const slow = taken.filter(({ at }) => at > 2_000 && at < 20_000)
    assert.ok(shareOf(slow, 0) < 0.01, `${shareOf(slow, 0)} while slow`)
    assert.ok(shareOf(slow, 0) > 0, 'it is asked now and then')
    const later = taken.filter(({ at }) => at > 22_000)
    assert.ok(Math.abs(shareOf(later, 0) - 0.2) < 0.03, `${shareOf(later, 0)} after`)
  })

  it('learns which server is good for whom', () => {
    const taken = simulate({
      servers: [server('a'), server('b')],
      perSecond: 200,
      untilMs: 20_000,
      cluster: (n) => n % 2,
      serviceMs: (index, cluster) => (index === cluster ? 4 : 20),
    })
    const late = taken.filter(({ at }) => at > 5_000)
    const fitting = late.filter((each) => each.server === each.cluster).length / late.length
    assert.ok(fitting > 0.9, `${fitting} of the clients met the server that suits them`)
  })

  it('shuns a server that fails for a kind of clients only there, and forgives it', () => {
    const servers = [server('a'), server('b')]
    const taken = simulate({
      servers,
      perSecond: 200,
      untilMs: 400_000,
      cluster: (n) => n % 2,
      serviceMs: () => 5,
      outcome: (index, cluster, now) =>
        index === 0 && cluster === 1 && now < 60_000 ? 'incident' : 'good',
    })
    const share = (cluster: number, from: number, to: number) =>
      shareOf(
        taken.filter((each) => each.cluster === cluster && each.at > from && each.at < to),
        0,
      )
    assert.ok(share(1, 20_000, 60_000) < 0.1, `${share(1, 20_000, 60_000)} while it fails`)
    assert.ok(share(0, 20_000, 60_000) > 0.4, 'others still meet it')
    assert.ok(share(1, 300_000, 400_000) > 0.4, `${share(1, 300_000, 400_000)} later`)
  })

  it('prefers a server with the label a client wants, as long as it is not swamped', () => {
    const servers = [server('plain'), server('wide', { labels: ['bandwidth'] })]
    const wants = { cluster: -1, wants: ['bandwidth'] }
    const fraction = seededRandom(3).fraction
    for (let i = 0; i < 50; i++)
      assert.equal(chooseFitting(servers, wants, fraction, NO_SERVER, START), 1)
    ;(servers[1] as Changeable).inFlight = 100
    assert.equal(chooseFitting(servers, wants, fraction, NO_SERVER, START), 0)
    // A label nobody has is not held against anybody.
    const dreams = { cluster: -1, wants: ['teleport'] }
    assert.deepEqual(rankServers(servers, dreams, fraction, NO_SERVER, START)[0]?.lacks, [])
  })

  it('takes only what is usable, has weight, and is not excepted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ usable: fc.boolean(), weight: fc.integer({ min: 0, max: 3 }) }), {
          maxLength: 40,
        }),
        fc.integer({ min: -1, max: 39 }),
        fc.integer(),
        (states, except, seed) => {
          const servers = states.map((state, i) => server(`s${i}`, state))
          const ranked = rankServers(servers, ANYBODY, seededRandom(seed).fraction, except, START)
          const can = states.filter(({ usable, weight }, i) => usable && weight > 0 && i !== except)
          assert.equal(ranked.length, Math.min(can.length, CANDIDATES_MAX))
          for (const { index, price } of ranked) {
            assert.ok(servers[index]?.usable && index !== except && Number.isFinite(price))
          }
        },
      ),
      { seed: 20261122 },
    )
  })

  it('is not confused by a clock that steps back', () => {
    const fit = new ServerFit()
    fit.learn(0, 'good', 10, { answers: 5, ms: 1_000_000 })
    fit.learn(0, 'incident', 10, START)
    assert.ok(fit.reputationWith(0, START) > 0 && fit.reputationWith(0, START) < 1)
    assert.ok(Number.isFinite(fit.latencyFor(0, 1, { answers: -1, ms: -5 })))
  })
})

describe('explainChoice()', () => {
  it('says who, why, and better than whom', () => {
    const servers = [server('a', { inFlight: 3 }), server('b', { labels: ['bandwidth'] })]
    const client = { cluster: 2, wants: ['bandwidth'] }
    const ranked = rankServers(servers, client, seededRandom(1).fraction, NO_SERVER, START)
    assert.deepEqual(explainChoice(servers, ranked, client), [
      'Client of kind 2, wants bandwidth',
      'Chosen b: 0 in flight at weight 1, about 1.0 ms for clients like this, reputation 1.00',
      'Next best a: 3 in flight at weight 1, about 1.0 ms for clients like this, reputation 1.00, lacks bandwidth',
    ])
    assert.deepEqual(explainChoice([], [], client), ['No server could take it'])
  })
})
