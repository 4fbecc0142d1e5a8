import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ELEVEN_KEYS, typeRepeatedly } from '../../../test/fixtures/synthetic-people.ts'
import { drawBackground } from './typing-background.ts'
import { learn, openProfile, type TimingKind } from './typing-profile.ts'
import { type FittedTyping, fitProfile, scoreObservation } from './typing-score.ts'

function profileOf(rows: readonly Float64Array[], kinds: readonly TimingKind[] = ELEVEN_KEYS) {
  const profile = openProfile(kinds)
  for (const row of rows) learn(profile, row, true)
  return profile
}

function deviation(fit: FittedTyping, timings: Float64Array): number {
  const score = scoreObservation(fit, timings)
  assert.ok(score.kind === 'scored', JSON.stringify(score))
  return score.deviation
}

const known = fitProfile(profileOf(typeRepeatedly(1, 120)))

describe('scoreObservation()', () => {
  it('is lower for the later typing of eight people than for others, alone and more so among others', () => {
    const people = Array.from({ length: 16 }, (_, i) => typeRepeatedly(i + 1, 150))
    const background = drawBackground(people.slice(8))
    const share = (fits: readonly FittedTyping[]) => {
      let [below, pairs] = [0, 0]
      for (const [i, fit] of fits.entries()) {
        const own = (people[i] ?? []).slice(100).map((row) => deviation(fit, row))
        for (const [k, rows] of people.slice(0, 8).entries()) {
          if (k === i) continue
          const others = rows.slice(0, 5).map((row) => deviation(fit, row))
          below += own.flatMap((score) => others.filter((other) => score < other)).length
          pairs += own.length * others.length
        }
      }
      return below / pairs
    }
    const profiles = people.slice(0, 8).map((rows) => profileOf(rows.slice(0, 100)))
    assert.ok(share(profiles.map((profile) => fitProfile(profile))) > 0.99)
    assert.ok(share(profiles.map((profile) => fitProfile(profile, background))) > 0.999)
  })

  it('is neutral, and says so, until ten observations are known', () => {
    const rows = typeRepeatedly(1, 20)
    const row = rows[10] ?? new Float64Array()
    const kindOf = (count: number) =>
      scoreObservation(fitProfile(profileOf(rows.slice(0, count))), row)
    for (const count of [0, 1, 9]) {
      assert.deepEqual(kindOf(count), {
        kind: 'neutral',
        because: 'too-few-observations',
        reasons: [],
      })
    }
    assert.equal(kindOf(10).kind, 'scored')
  })

  it('is neutral when less than a third is known', () => {
    const row = new Float64Array(31).fill(Number.NaN)
    assert.equal(scoreObservation(known, row).kind, 'neutral')
    row.set((typeRepeatedly(1, 130)[129] ?? row).subarray(0, 10))
    const score = scoreObservation(known, row)
    assert.ok(score.kind === 'neutral' && score.because === 'too-little-known')
  })

  it('takes what is missing for no evidence: without its strangest timing an observation is less strange', () => {
    for (const row of typeRepeatedly(1, 140).slice(120)) {
      const whole = deviation(known, row)
      const odd = row.slice()
      odd[4] = 3
      assert.ok(deviation(known, odd) > whole)
      odd[4] = Number.NaN
      odd[5] = Number.NaN
      assert.ok(Math.abs(deviation(known, odd) - whole) < 0.2)
    }
  })

  it('names the columns that speak most against the person, and which way', () => {
    const row = (typeRepeatedly(1, 130)[129] ?? new Float64Array()).slice()
    row[3] = 0.9
    row[7] = 0.001
    const { reasons } = scoreObservation(known, row)
    assert.deepEqual(
      reasons.slice(0, 2).map(({ column, kind, direction }) => [column, kind, direction]),
      [
        [3, 'hold', 'longer'],
        [7, 'press-press', 'shorter'],
      ],
    )
    assert.ok(reasons.length <= 3)
  })

  it('gives newer observations more weight: the same rows in another order give another profile', () => {
    const [before, after] = [typeRepeatedly(1, 50), typeRepeatedly(2, 50)]
    const moved = fitProfile(profileOf([...before, ...after]))
    const back = fitProfile(profileOf([...after, ...before]))
    const row = after[49] ?? new Float64Array()
    assert.ok(deviation(moved, row) < deviation(back, row))
  })

  it('stands a profile of one and the same row, and tells another one from it', () => {
    const rows = Array.from({ length: 30 }, () => new Float64Array(31).fill(0.1))
    const fit = fitProfile(profileOf(rows), { rows: typeRepeatedly(3, 20) })
    const same = deviation(fit, new Float64Array(31).fill(0.1))
    const other = deviation(fit, new Float64Array(31).fill(0.2))
    assert.ok(Number.isFinite(same) && other > same)
  })

  it('is finite and bounded for any timings whatever, with columns of any kind', () => {
    const columns = fc.constantFrom<TimingKind>('hold', 'press-press', 'release-press')
    const timing = fc.oneof(fc.double(), fc.double({ min: 0, max: 1, noNaN: true }))
    fc.assert(
      fc.property(
        fc.array(columns, { minLength: 1, maxLength: 8 }),
        fc.array(fc.array(timing, { minLength: 8, maxLength: 8 }), {
          minLength: 11,
          maxLength: 30,
        }),
        (kinds, rows) => {
          const timings = rows.map((row) => Float64Array.from(row.slice(0, kinds.length)))
          const others = drawBackground([timings.slice(0, 5)])
          const fit = fitProfile(profileOf(timings.slice(1), kinds), others)
          const score = scoreObservation(fit, timings[0] ?? new Float64Array())
          if (score.kind === 'scored') assert.ok(Number.isFinite(score.deviation))
        },
      ),
      { seed: 17, numRuns: 300 },
    )
    const far = deviation(known, new Float64Array(31).fill(1e300))
    assert.ok(far > 1 && far < 20, `${far}`)
  })

  it('refuses more or fewer timings than columns', () => {
    assert.throws(() => scoreObservation(known, Float64Array.of(0.1)), RangeError)
  })
})
