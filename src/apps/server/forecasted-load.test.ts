import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LoadOutlook } from '../../ports/load-outlook.ts'
import { forecastedLoad } from './forecasted-load.ts'

const MEASURED: LoadOutlook = { now: 0.4, ahead: 0.4, aheadS: 0, at: 1000 }

function given(measured: LoadOutlook | undefined, first: LoadOutlook | undefined) {
  let forecast = first
  let look = (): void => {}
  let measuredChanged = (): void => {}
  const load = forecastedLoad({
    measured: {
      outlook: () => measured,
      onChange(listener) {
        measuredChanged = listener
        return () => {
          measuredChanged = () => {}
        }
      },
    },
    forecast: () => forecast,
    every(each) {
      look = each
      return () => {
        look = () => {}
      }
    },
  })
  return {
    load,
    look: () => look(),
    change: () => measuredChanged(),
    setForecast(next: LoadOutlook | undefined) {
      forecast = next
    },
  }
}

describe('forecastedLoad()', () => {
  it('is what is measured while there is no forecast to go by', () => {
    assert.deepEqual(given(MEASURED, undefined).load.outlook(), MEASURED)
    assert.equal(given(undefined, undefined).load.outlook(), undefined)
  })

  it('brings a peak to come into view', () => {
    const forecast = { now: 0.3, ahead: 0.9, aheadS: 420, at: 2000 }
    const expected = { now: 0.4, ahead: 0.9, aheadS: 420, at: 1000 }
    assert.deepEqual(given(MEASURED, forecast).load.outlook(), expected)
    assert.deepEqual(given(undefined, forecast).load.outlook(), forecast)
  })

  it('never hides that the machine is busy now', () => {
    const busy = { now: 0.95, ahead: 0.95, aheadS: 0, at: 1000 }
    const forecast = { now: 0.1, ahead: 0.2, aheadS: 60, at: 2000 }
    assert.deepEqual(given(busy, forecast).load.outlook(), busy)
  })

  it('tells of a peak to come as long as there is one, and once that it is over', () => {
    const { load, look, change, setForecast } = given(MEASURED, undefined)
    let told = 0
    const stop = load.onChange(() => told++)
    look()
    assert.equal(told, 0, 'all is well')
    setForecast({ now: 0.3, ahead: 0.9, aheadS: 420, at: 2000 })
    look()
    look()
    assert.equal(told, 2)
    setForecast({ now: 0.3, ahead: 0.5, aheadS: 420, at: 2000 })
    look()
    look()
    assert.equal(told, 3)
    change()
    assert.equal(told, 4, 'what is measured is told too')
    stop()
    change()
    setForecast({ now: 0.9, ahead: 0.9, aheadS: 0, at: 2000 })
    look()
    assert.equal(told, 4)
    load.close()
  })
})
