import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import { bayesTuner } from './bayes-tuner.ts'
import { quantileTuner } from './quantile-tuner.ts'
import { countFrom, scaleOf } from './recent-scores.ts'
import { stepTuner } from './step-tuner.ts'
import type { ThresholdTuner, TuningOptions } from './tuner.ts'
import { windowTuner } from './window-tuner.ts'

const OPTIONS: TuningOptions = {
  ...{ start: 2.5, falseAlarmCost: 1, missCost: 10, toldShare: 0.5, falseAlarmShareMax: 0.1 },
}

interface Ran {
  /** Share of honest events that were flagged, in the second half. */
  readonly falseAlarms: number
  /** Share of attacks that were not. */
  readonly misses: number
  readonly threshold: number
}

/** Honest scores around `middle`, one in fifty events an attack, `apart` above; every word comes at once. */
function run<S>(
  tuner: ThresholdTuner<S>,
  middleAt: (x: number) => number,
  { apart = 4, attackShare = 0.02, options = OPTIONS, events = 20_000 } = {},
): Ran {
  const fraction = seededFraction(7)
  let state = tuner.begin(options)
  const counts = { honest: 0, attacks: 0, falseAlarms: 0, misses: 0 }
  for (let t = 0; t < events; t++) {
    const isAttack = fraction() < attackShare
    const score = middleAt(t / events) + drawNormal(fraction) + (isAttack ? apart : 0)
    const wasFlagged = score >= tuner.thresholdOf(state)
    if (t >= events / 2) {
      if (isAttack) counts.attacks++
      else counts.honest++
      if (wasFlagged && !isAttack) counts.falseAlarms++
      if (!wasFlagged && isAttack) counts.misses++
    }
    tuner.see(state, options, score)
    const isTold = wasFlagged || (isAttack && fraction() < options.toldShare)
    if (isTold) tuner.learn(state, options, { score, isAttack, wasFlagged })
    // Plain data: a restart in the middle changes nothing.
    if (t === 5_000) state = JSON.parse(JSON.stringify(state)) as S
  }
  return {
    falseAlarms: counts.falseAlarms / counts.honest,
    misses: counts.attacks === 0 ? 0 : counts.misses / counts.attacks,
    threshold: tuner.thresholdOf(state),
  }
}

/** With costs of 1 and 10 and one attack in fifty at 4: where 0.98 phi(x) = 0.2 phi(x - 4). */
const BEST = 2 + Math.log(0.98 / 0.2) / 4

describe('windowTuner', () => {
  it('comes near the threshold that costs least, and stays', () => {
    const { threshold, falseAlarms, misses } = run(windowTuner, () => 0)
    assert.ok(Math.abs(threshold - BEST) < 0.5, `${threshold} is not ${BEST}`)
    assert.ok(falseAlarms < 0.02 && misses < 0.1, `${falseAlarms} ${misses}`)
  })

  it('goes along when all scores drift', () => {
    const { threshold, falseAlarms, misses } = run(windowTuner, (x) => 5 * x)
    assert.ok(Math.abs(threshold - 5 - BEST) < 0.7, String(threshold))
    assert.ok(falseAlarms < 0.03 && misses < 0.15, `${falseAlarms} ${misses}`)
  })

  it('keeps false alarms to their share, whatever misses cost', () => {
    const options = { ...OPTIONS, missCost: 1e6, falseAlarmShareMax: 0.01 }
    const { falseAlarms } = run(windowTuner, () => 0, { apart: 1, options })
    assert.ok(falseAlarms < 0.02, String(falseAlarms))
  })

  it('changes nothing while no attack is known', () => {
    const { threshold } = run(windowTuner, () => 0, { attackShare: 0 })
    assert.ok(Math.abs(threshold - OPTIONS.start) < 0.5, String(threshold))
  })

  it('takes scores that are all the same', () => {
    const state = windowTuner.begin(OPTIONS)
    for (let i = 0; i < 2_000; i++) {
      windowTuner.see(state, OPTIONS, 1)
      windowTuner.learn(state, OPTIONS, { score: 1, isAttack: i % 10 === 0, wasFlagged: false })
    }
    assert.ok(Number.isFinite(windowTuner.thresholdOf(state)))
  })
})

describe('stepTuner', () => {
  it('goes up by false alarms and down by misses', () => {
    const state = stepTuner.begin(OPTIONS)
    stepTuner.learn(state, OPTIONS, { score: 3, isAttack: false, wasFlagged: true })
    assert.ok(stepTuner.thresholdOf(state) > OPTIONS.start)
    stepTuner.learn(state, OPTIONS, { score: 2, isAttack: true, wasFlagged: false })
    assert.ok(stepTuner.thresholdOf(state) < OPTIONS.start)
    const before = stepTuner.thresholdOf(state)
    stepTuner.learn(state, OPTIONS, { score: 3, isAttack: true, wasFlagged: true })
    assert.equal(stepTuner.thresholdOf(state), before)
  })
})

describe('quantileTuner', () => {
  it('flags a set share of events, whatever the scores drift to', () => {
    const { falseAlarms } = run(quantileTuner, (x) => 5 * x, { attackShare: 0 })
    // Each false alarm makes it flag less, down to 0.002.
    assert.ok(falseAlarms < 0.02, String(falseAlarms))
    const state = quantileTuner.begin(OPTIONS)
    const fraction = seededFraction(2)
    let flagged = 0
    for (let t = 0; t < 20_000; t++) {
      const score = drawNormal(fraction)
      if (t >= 10_000 && score >= quantileTuner.thresholdOf(state)) flagged++
      quantileTuner.see(state, OPTIONS, score)
    }
    assert.ok(Math.abs(flagged / 10_000 - 0.02) < 0.005, String(flagged))
  })
})

describe('bayesTuner', () => {
  it('finds thresholds that work, by trying, under drift too', () => {
    for (const middle of [() => 0, (x: number) => 5 * x]) {
      const { falseAlarms, misses } = run(bayesTuner, middle)
      assert.ok(falseAlarms < 0.1 && misses < 0.3, `${falseAlarms} ${misses}`)
    }
  })
})

describe('recent scores', () => {
  it('countFrom(), scaleOf(): by hand', () => {
    const sorted = Float64Array.of(1, 2, 2, 3, 9)
    assert.deepEqual(
      [0, 2, 2.5, 9, 10].map((threshold) => countFrom(sorted, threshold)),
      [5, 4, 2, 1, 0],
    )
    assert.deepEqual(scaleOf(sorted), { middle: 2, spread: 0.5 })
  })
})
