/**
 * Forecasts of load, and what they ask for, for `/metrics`.
 *
 * @module
 */
import { Gauge, type Registry } from 'prom-client'
import type { PoolForecast } from '../../flows/explain-forecast.ts'
import type { ScalingView } from './scale-pools.ts'

/** @param forecasts those there are now; pools without one have no lines */
export function forecastMetrics(
  forecasts: () => readonly PoolForecast[],
  registers: Registry[],
): void {
  new Gauge({
    name: 'limen_forecast_requests_per_second',
    help: 'Requests per second to a pool as they are forecast, by seconds ahead',
    labelNames: ['pool', 'horizon', 'line'],
    registers,
    collect() {
      this.reset()
      for (const { pool, horizons } of forecasts()) {
        for (const { aheadS: horizon, expected, high } of horizons) {
          this.set({ pool, horizon, line: 'expected' }, expected)
          this.set({ pool, horizon, line: 'p95' }, high)
        }
      }
    },
  })
  new Gauge({
    name: 'limen_forecast_demoted',
    help: '1 when the model that was chosen had to give way to a simpler one',
    labelNames: ['pool', 'horizon'],
    registers,
    collect() {
      this.reset()
      for (const { pool, horizons } of forecasts()) {
        for (const { aheadS: horizon, isDemoted } of horizons) {
          this.set({ pool, horizon }, isDemoted ? 1 : 0)
        }
      }
    },
  })
}

/** For autoscalers elsewhere. Pools without `scaling` have no lines. */
export function scalingMetrics(
  scalings: () => readonly Pick<ScalingView, 'pool' | 'wanted'>[],
  registers: Registry[],
): void {
  new Gauge({
    name: 'limen_pool_servers_wanted',
    help: 'Servers a pool should have',
    labelNames: ['pool'],
    registers,
    collect() {
      this.reset()
      for (const { pool, wanted } of scalings()) this.set({ pool }, wanted)
    },
  })
}
