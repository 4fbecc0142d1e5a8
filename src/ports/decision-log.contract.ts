/**
 * What every {@link DecisionLog} must do, run against memory and against the real storage.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from '../behavior/decision.ts'
import { type DecisionLog, decisionPages } from './decision-log.ts'

/** A decision whose id sorts by `number`. */
export function sampleDecision(number: number): Decision {
  return {
    id: `01J${String(number).padStart(23, '0')}`,
    subject: `127.0.0.1:${40_000 + number}`,
    tier: 1,
    score: number / 10,
    reasons: [{ code: 'random-repeated', text: 'A reason with ümlaut', weight: 1.5 }],
    model: 'handshake/1',
    mode: 'observe',
    at: 1_760_000_000_000 + number,
    listener: 'web',
    enforced: 1,
    pool: 'primary',
    member: 'here',
  }
}

/** The id of a decision made that many milliseconds after the first. */
function ulidAt(ms: number, number: number): string {
  const time = (1_760_000_000_000 + ms).toString(32).toUpperCase()
  return `${time.padStart(10, '0')}${String(number).padStart(16, '0')}`
}

export function decisionLogContract(
  name: string,
  open: (options: { readonly keepMax: number }) => Promise<DecisionLog>,
): void {
  const withLog = async (keepMax: number, use: (log: DecisionLog) => Promise<void>) => {
    const log = await open({ keepMax })
    try {
      await use(log)
    } finally {
      await log.close()
    }
  }
  const numbers = (from: number, to: number): Decision[] =>
    Array.from({ length: to - from + 1 }, (_, i) => sampleDecision(from + i))
  const scores = (decisions: readonly Decision[]): number[] =>
    decisions.map(({ score }) => Math.round(score * 10))

  describe(`DecisionLog: ${name}`, () => {
    it('gives back what was appended, whole', () =>
      withLog(10, async (log) => {
        const decision = { ...sampleDecision(1), handshake: HANDSHAKE }
        await log.append(decisionPages([decision]))
        assert.deepEqual(log.get(decision.id), decision)
      }))

    it('knows nothing of other ids, also of ids that are none', () =>
      withLog(10, async (log) => {
        await log.append(decisionPages([sampleDecision(1)]))
        for (const id of [sampleDecision(2).id, '', 'x', 'é'.repeat(3000), '\0']) {
          assert.equal(log.get(id), undefined)
        }
      }))

    it('lists the newest first, also when appended out of order', () =>
      withLog(10, async (log) => {
        await log.append(decisionPages([sampleDecision(3), sampleDecision(1)]))
        await log.append(decisionPages([sampleDecision(2)]))
        assert.deepEqual(scores(log.list({ limit: 10 })), [3, 2, 1])
      }))

    it('lists at most `limit`, and only below `before`', () =>
      withLog(10, async (log) => {
        await log.append(decisionPages(numbers(1, 6)))
        const { id: before } = sampleDecision(4)
        assert.deepEqual(scores(log.list({ limit: 2 })), [6, 5])
        assert.deepEqual(scores(log.list({ limit: 2, before })), [3, 2])
        assert.deepEqual(log.list({ limit: 0 }), [])
        assert.deepEqual(log.list({ limit: 5, before: sampleDecision(1).id }), [])
        assert.equal(log.list({ limit: 9, before: '~' }).length, 6)
      }))

    it('keeps one record per id, the last one appended', () =>
      withLog(10, async (log) => {
        await log.append(decisionPages([sampleDecision(1), { ...sampleDecision(1), score: 7 }]))
        assert.deepEqual(scores(log.list({ limit: 10 })), [70])
      }))

    it('keeps the newest, and forgets the oldest in time', () =>
      withLog(5, async (log) => {
        for (let i = 0; i < 40; i++)
          await log.append(decisionPages(numbers(i * 50 + 1, i * 50 + 50)))
        const listed = log.list({ limit: 1e6 })
        assert.ok(listed.length >= 5 && listed.length < 5 + 50, `${listed.length} are kept`)
        assert.deepEqual(
          listed.slice(0, 5).map(({ id }) => id),
          numbers(1996, 2000)
            .map(({ id }) => id)
            .reverse(),
        )
        assert.equal(log.get(sampleDecision(3).id), undefined)
      }))

    it('lists across the seconds of ids, page by page, each once', () =>
      withLog(1000, async (log) => {
        const ids = Array.from({ length: 300 }, (_, i) => ulidAt(i * 97, i))
        for (const [i, id] of ids.entries())
          await log.append(decisionPages([{ ...sampleDecision(i), id }]))
        const seen: string[] = []
        for (let before: string | undefined; ; ) {
          const page = log.list({ limit: 7, ...(before === undefined ? {} : { before }) })
          if (page.length === 0) break
          seen.push(...page.map(({ id }) => id))
          before = page.at(-1)?.id
        }
        assert.deepEqual(seen, ids.toReversed())
      }))

    it('takes an empty batch', () =>
      withLog(5, async (log) => {
        await log.append(decisionPages([]))
        assert.deepEqual(log.list({ limit: 1 }), [])
      }))
  })
}

const HANDSHAKE = {
  ja4: 't13d1516h2_8daaf6152771_d8a2da3f94cd',
  ja4Stable: 't13d1516h2_8daaf6152771_d8a2da3f94cd',
  sni: 'localhost',
  alpn: ['h2', 'http/1.1'],
  resumption: false,
  chunks: 2,
  arrivalMs: 1.25,
  client: 'Chromium',
}
