import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Registry } from 'prom-client'
import type { SignalsView } from './open-signals.ts'
import { signalMetrics } from './signal-metrics.ts'

it('signalMetrics() sums receivers, and names nobody', async () => {
  const receiver = { url: 'https://secret.test/', sent: 2, refused: 1, lost: 0, waiting: 3 }
  const view: SignalsView = {
    transmitters: [{ issuer: 'https://idp.test', pushes: true }],
    received: { applied: 4, invalid_key: 1 },
    receivers: [receiver, { ...receiver, url: 'https://other.test/' }],
  }
  const registry = new Registry()
  signalMetrics(() => view, [registry])
  for (let scrape = 0; scrape < 2; scrape++) {
    const text = await registry.metrics()
    assert.match(text, /^limen_signals_received_total\{result="applied"\} 4$/m)
    assert.match(text, /^limen_signals_received_total\{result="invalid_key"\} 1$/m)
    assert.match(text, /^limen_signals_told_total\{result="sent"\} 4$/m)
    assert.match(text, /^limen_signals_told_total\{result="refused"\} 2$/m)
    assert.match(text, /^limen_signals_waiting 6$/m)
    assert.doesNotMatch(text, /test/)
  }
})
