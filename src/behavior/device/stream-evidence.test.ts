import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EVIDENCE_LIMITS,
  EVIDENCE_MS,
  type EvidenceKind,
  StreamEvidence,
} from './stream-evidence.ts'

describe('StreamEvidence', () => {
  for (const [kind, limit] of Object.entries(EVIDENCE_LIMITS) as [EvidenceKind, number][]) {
    it(`takes ${limit} of ${kind}, within two seconds`, () => {
      const close = new StreamEvidence()
      const step = EVIDENCE_MS / limit
      const found = Array.from({ length: limit }, (_, i) => close.meet(kind, i * step))
      assert.deepEqual(found, [...Array.from({ length: limit - 1 }, () => false), true])
      assert.deepEqual(close.totals(), { [kind]: limit })
      if (limit === 1) return
      const apart = new StreamEvidence()
      for (let i = 0; i < 10; i++) assert.equal(apart.meet(kind, i * (EVIDENCE_MS + 1)), false)
    })
  }
})
