/**
 * Watched series for `/metrics`.
 *
 * @module
 */
import { Gauge, type Registry } from 'prom-client'
import type { SeriesState } from './anomaly-watch.ts'

/** @param series those there are now; others have no lines */
export function anomalyMetrics(series: () => readonly SeriesState[], registers: Registry[]): void {
  new Gauge({
    name: 'limen_series_anomaly',
    help: '1 when a series did what it never did within the last 15 steps',
    labelNames: ['series'],
    registers,
    collect() {
      this.reset()
      for (const { series: name, anomalous } of series()) {
        this.set({ series: name }, anomalous ? 1 : 0)
      }
    },
  })
}
