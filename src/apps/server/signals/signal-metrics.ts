/**
 * The metrics of shared security signals. Never a party or a person as a label.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { SignalsView } from './open-signals.ts'

export function signalMetrics(view: () => SignalsView | undefined, registers: Registry[]): void {
  new Counter({
    name: 'limen_signals_received_total',
    help: 'Security events told by others, by what became of them',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      for (const [result, count] of Object.entries(view()?.received ?? {})) {
        this.inc({ result }, count)
      }
    },
  })
  new Counter({
    name: 'limen_signals_told_total',
    help: 'Security events told to others, by what became of them',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      for (const receiver of view()?.receivers ?? []) {
        for (const result of ['sent', 'refused', 'lost'] as const) {
          this.inc({ result }, receiver[result])
        }
      }
    },
  })
  new Gauge({
    name: 'limen_signals_waiting',
    help: 'Security events that receivers were not told yet',
    registers,
    collect() {
      this.set((view()?.receivers ?? []).reduce((sum, { waiting }) => sum + waiting, 0))
    },
  })
}
