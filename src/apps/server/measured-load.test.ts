import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OUTLOOK_STALE_MS } from '../../ports/load-outlook.ts'
import { type CpuTimes, inFlightShare, measuredLoad } from './measured-load.ts'

/** A machine whose seconds pass when they are told to. */
function machine() {
  let now = 0
  let times: CpuTimes = { busy: 0, idle: 0 }
  let look = (): void => {}
  let inFlight = 0
  const load = measuredLoad({
    clock: { now: () => now },
    cpuTimes: () => times,
    inFlightShare: () => inFlight,
    every(each) {
      look = each
      return () => {}
    },
  })
  let changes = 0
  load.onChange(() => changes++)
  return {
    load,
    changes: () => changes,
    /** @param share of the CPU that is busy meanwhile */
    pass(seconds: number, share: number, inFlightNow = 0): void {
      inFlight = inFlightNow
      for (let i = 0; i < seconds; i++) {
        now += 1000
        times = { busy: times.busy + share * 1000, idle: times.idle + (1 - share) * 1000 }
        look()
      }
    },
  }
}

describe('measuredLoad()', () => {
  it('is the busier of CPU and connections, and a peak of a second is none', () => {
    const { load, pass } = machine()
    assert.equal(load.outlook(), undefined)
    pass(60, 0.3)
    assert.ok(Math.abs((load.outlook()?.now ?? 0) - 0.3) < 0.01)
    pass(1, 1)
    assert.ok((load.outlook()?.now ?? 1) < 0.4)
    pass(60, 1)
    assert.ok((load.outlook()?.now ?? 0) > 0.95)
    pass(60, 0.1, 0.9)
    assert.ok(Math.abs((load.outlook()?.now ?? 0) - 0.9) < 0.01)
    const { now, ahead } = load.outlook() ?? {}
    assert.equal(now, ahead, 'it does not look ahead')
  })

  it('tells when that matters, and again before it counts as stale', () => {
    const { load, changes, pass } = machine()
    pass(600, 0.5)
    assert.equal(changes(), 0, 'all is well')
    pass(60, 0.95)
    const told = changes()
    assert.ok(told > 0 && told <= 8, String(told))
    pass(600, 0.95)
    assert.ok(changes() - told >= (600_000 / OUTLOOK_STALE_MS) * 2, 'said again')
    pass(60, 0.1)
    const calm = changes()
    pass(600, 0.1)
    assert.equal(changes(), calm)
    load.close()
  })
})

it('inFlightShare() is of all connections there may be', () => {
  const upstreams = () => [{ inFlight: 30 }, { inFlight: 10 }] as never
  assert.equal(inFlightShare({ upstreams }, 80), 0.5)
  assert.equal(inFlightShare({ upstreams }, 0), 0)
})
