import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { fakeDataPlane } from '../../../test/fake-data-plane.ts'
import type { ForecastView } from '../../flows/explain-forecast.ts'
import { dataPlaneSettings } from './config/data-plane-settings.ts'
import { readConfig } from './config/read-config.ts'
import { scalePools } from './scale-pools.ts'

const START_MS = Date.UTC(2026, 0, 5)
const LOOK_MS = 15_000
const MATERIAL = {
  ...{ certificates: [], affinityKey: new Uint8Array(32), ticketKeys: [] },
  ...{ profileKey: new Uint8Array(16), agentTokens: new Map() },
}

/** A pool of one server, ten requests a second each at the utilisation wanted, looked at with a clock of ours. */
async function scaled(test: TestContext, mode: 'observe' | 'act', more = 'capacityPerServer: 20') {
  test.mock.timers.enable({ apis: ['setInterval'] })
  const outcome = readConfig(
    {
      file: 'limen.yaml',
      text: `listeners: [{ name: web, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:9000 }], scaling: { max: 5, startUpS: 60, utilisation: 0.5, ${more} } }]
routes: [{ pool: site }]
forecast: { mode: ${mode} }`,
      folder: '/',
    },
    {},
  )
  if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
  const plane = fakeDataPlane()
  await plane.apply(dataPlaneSettings(outcome.config, MATERIAL))
  const server = { requests: 0, inFlight: 0 }
  const forecasts: ForecastView[] = []
  const told: object[] = []
  const audited: string[] = []
  const broken = { audit: false }
  let now = START_MS
  const silent = (): void => {}
  const scaling = scalePools({
    config: outcome.config,
    plane: {
      ...plane,
      upstreams: () => plane.upstreams().map((one) => ({ ...one, ...server })),
    },
    clock: { now: () => now },
    log: { debug: silent, info: silent, warn: silent, error: silent } as never,
    audit: {
      append: ({ action }) => {
        if (broken.audit) throw new Error('no space')
        audited.push(action)
      },
    },
    ...{ environment: {}, stepS: 60, forecasts: () => forecasts },
    openWebhook: () => ({ send: (body) => void told.push(body), close: silent }),
  })
  scaling.begin(async () => {})
  test.after(() => scaling.close())
  const view = () => {
    const [only] = scaling.views()
    if (only === undefined) assert.fail()
    return only
  }
  const pass = (requests: number, inFlight = 0) => {
    now += LOOK_MS
    Object.assign(server, { requests: server.requests + requests, inFlight })
    test.mock.timers.tick(LOOK_MS)
    return view()
  }
  const foresee = (high: number, judged = 900) => {
    const horizon = { aheadS: 900, judged }
    const summary = { pool: 'site', stepS: 60, at: now, horizons: [horizon] }
    forecasts.splice(0, 1, {
      ...{ summary, curve: { high: new Array(60).fill(high) }, perServer: undefined },
    } as never)
  }
  return { view, pass, foresee, told, audited, broken }
}

describe('scalePools()', () => {
  it('measures what came: what ended, and what is under way more than before', async (test) => {
    const { view, pass } = await scaled(test, 'observe')
    assert.equal(view().measured, null)
    assert.equal(pass(150, 150).measured, 20)
    assert.equal(pass(150, 0).measured, 0)
    assert.deepEqual([pass(150, 0).measured, view().perServer], [10, 10])
  })

  it('goes by a forecast that was proven and is fresh, and by no other', async (test) => {
    const { pass, foresee } = await scaled(test, 'observe')
    foresee(35, 10)
    assert.equal(pass(100).wanted, 1)
    foresee(35)
    const { wanted, reason } = pass(100)
    assert.deepEqual([wanted, reason], [4, 'forecast'])
    // 300 s later it is old; what it asked for is no longer wanted.
    for (let i = 0; i < 30; i++) pass(100)
    assert.equal(pass(100).wanted, 1)
  })

  it('remembers when the numbers of servers changed', async (test) => {
    const { view, pass } = await scaled(test, 'observe')
    assert.deepEqual(view().counts, [{ at: START_MS, wanted: 1, up: 1 }])
    pass(100)
    pass(450)
    pass(450)
    assert.deepEqual(view().counts, [
      { at: START_MS, wanted: 1, up: 1 },
      { at: START_MS + 2 * LOOK_MS, wanted: 3, up: 1 },
    ])
    // For an hour more and fewer by turns: the last 500 changes are kept.
    for (let i = 0; i < 600; i++) {
      pass(450 + 600 * (i % 2))
      for (let quiet = 0; quiet < 21; quiet++) pass(100)
    }
    assert.equal(view().counts.length, 500)
    assert.equal(view().counts.at(-1)?.wanted, 1)
  })

  it('only says so in observe', async (test) => {
    const { pass, told, audited } = await scaled(test, 'observe')
    assert.equal(pass(450).wanted, 3)
    assert.deepEqual([told, audited], [[], []])
  })

  it('audits and tells each change once with act', async (test) => {
    const { pass, told, audited } = await scaled(test, 'act')
    pass(450)
    pass(450)
    assert.deepEqual(audited, ['pool.scale'])
    assert.equal(told.length, 1)
    assert.deepEqual(told[0], {
      type: 'limen.pool.scale',
      timestamp: new Date(START_MS + LOOK_MS).toISOString(),
      data: {
        ...{ pool: 'site', wanted: 3, from: 1, up: 1, starting: 0, reason: 'measured' },
        explained: '3 servers: 30 requests a second were measured, and one server takes 10 at 50 %',
      },
    })
  })

  it('does nothing that cannot be audited, and tries again', async (test) => {
    const { pass, told, audited, broken } = await scaled(test, 'act')
    broken.audit = true
    assert.equal(pass(450).wanted, 1)
    assert.deepEqual(told, [])
    broken.audit = false
    assert.equal(pass(450).wanted, 3)
    assert.deepEqual([audited, told.length], [['pool.scale'], 1])
  })

  it('goes by the places that are taken while nobody knows what a server carries', async (test) => {
    const { pass } = await scaled(test, 'observe', '')
    // One worker, 256 connections.
    const { wanted, reason, perServer } = pass(0, 256)
    assert.deepEqual([wanted, reason, perServer], [2, 'utilisation', null])
  })
})
