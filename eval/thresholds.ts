/**
 * Rules that move a threshold, on the same records: what false alarms and misses cost per event, beside the best threshold of each eighth of
 * the record chosen in hindsight (`oracle`). Every alarm is looked into and answered some events later; of attacks below the
 * threshold a share is told.
 *
 * Records: typing (`cmu-keystroke`: scores of people who type their own text, and of others who try it, in the order of
 * repetitions), and seeded ones in which scores stay, jump, creep and fall, attacks are rare or come in a burst.
 *
 * @module
 */
import { bayesTuner } from '../src/behavior/threshold/bayes-tuner.ts'
import { quantileTuner } from '../src/behavior/threshold/quantile-tuner.ts'
import { stepTuner } from '../src/behavior/threshold/step-tuner.ts'
import type { ThresholdTuner, TuningOptions } from '../src/behavior/threshold/tuner.ts'
import { windowTuner } from '../src/behavior/threshold/window-tuner.ts'
import { drawNormal, seededFraction } from '../src/math/seeded-chance.ts'
import { mean } from './equal-error.ts'
import { readKeystrokes, scoreOwn } from './keystroke.ts'

export interface RecordedEvent {
  readonly score: number
  readonly isAttack: boolean
  /** Somebody tells of it when it is an attack that was not flagged. */
  readonly isTold: boolean
}

/** One honest client bothered is worth a tenth of an attack that passes. */
const COSTS = { falseAlarmCost: 1, missCost: 10, falseAlarmShareMax: 0.1 }
const TOLD_SHARE = 0.3
/** Events until an alarm is answered, or an attack told of. */
const DELAY = 200
const PARTS = 8
const SEEDS = [1, 2, 3, 4]

interface FixedState {
  threshold: number
}
const fixed: ThresholdTuner<FixedState> = {
  name: 'fixed',
  begin: ({ start }) => ({ threshold: start }),
  thresholdOf: ({ threshold }) => threshold,
  see: () => {},
  learn: () => {},
}
/** To the letter of seed 11589100, section 5: lower when false alarms are frequent. Bounded, or it would run away. */
const literal: ThresholdTuner<FixedState> = {
  ...fixed,
  name: 'as in the seed',
  learn(state, { missCost, falseAlarmCost }, { isAttack, wasFlagged }) {
    if (wasFlagged && !isAttack) state.threshold -= 0.02
    if (!wasFlagged && isAttack) state.threshold += 0.02 * (missCost / falseAlarmCost)
    state.threshold = Math.min(12, Math.max(-3, state.threshold))
  },
}

type Cost = (record: readonly RecordedEvent[], start: number) => number

const RULES: Readonly<Record<string, Cost>> = {
  fixed: costOf(fixed),
  literal: costOf(literal),
  step: costOf(stepTuner),
  conformal: costOf(quantileTuner),
  bayesian: costOf(bayesTuner),
  windowed: costOf(windowTuner),
}

export async function evalThresholds(dataDir: string): Promise<object> {
  const typing = await typingRecord(dataDir)
  // The rest of the events judges; these only say where a threshold may begin.
  const seen = Float64Array.from(typing.slice(0, 300), ({ score }) => score).sort()
  const start = seen[Math.floor(0.97 * seen.length)] ?? 0
  const records: Record<string, object> = { typing: judge([typing], start) }
  for (const [name, scene] of Object.entries(SCENES)) {
    records[name] = judge(
      SEEDS.map((seed) => madeRecord(seed, scene)),
      2.5,
    )
  }
  const rules = ['oracle', ...Object.keys(RULES)]
  const over = (rule: string): number =>
    mean(
      Object.values(records).map((each) => {
        const costs = each as Record<string, number>
        return (costs[rule] ?? Number.NaN) / (costs['oracle'] ?? Number.NaN)
      }),
    )
  const ratios = Object.fromEntries(rules.map((rule) => [rule, round(over(rule))]))
  return { records, cost_over_oracle: ratios }
}

function judge(records: readonly (readonly RecordedEvent[])[], start: number): object {
  const costs = Object.entries(RULES).map(([name, cost]) => [
    name,
    round(mean(records.map((record) => cost(record, start)))),
  ])
  return { oracle: round(mean(records.map(oracleCost))), ...Object.fromEntries(costs) }
}

/** Mean cost per event of a rule. */
function costOf<State>(tuner: ThresholdTuner<State>): Cost {
  return (record, start) => {
    const options: TuningOptions = { ...COSTS, start, toldShare: TOLD_SHARE }
    const state = tuner.begin(options)
    const flagged: boolean[] = []
    let cost = 0
    for (const [at, event] of record.entries()) {
      const isFlagged = event.score >= tuner.thresholdOf(state)
      flagged.push(isFlagged)
      cost += costAt(event, isFlagged)
      tuner.see(state, options, event.score)
      const before = record[at - DELAY]
      const wasFlagged = flagged[at - DELAY] ?? false
      if (before === undefined || !(wasFlagged || (before.isAttack && before.isTold))) continue
      tuner.learn(state, options, { ...before, wasFlagged })
    }
    return cost / record.length
  }
}

function costAt({ isAttack }: RecordedEvent, isFlagged: boolean): number {
  if (isFlagged) return isAttack ? 0 : COSTS.falseAlarmCost
  return isAttack ? COSTS.missCost : 0
}

/** Of the best threshold of each part. */
export function oracleCost(record: readonly RecordedEvent[]): number {
  let cost = 0
  for (let part = 0; part < PARTS; part++) {
    const at = (i: number): number => Math.floor((i * record.length) / PARTS)
    const events = record.slice(at(part), at(part + 1)).sort((a, b) => a.score - b.score)
    // With a threshold below all.
    let sum = events.reduce((total, event) => total + costAt(event, true), 0)
    let best = sum
    for (const event of events) {
      sum += costAt(event, false) - costAt(event, true)
      best = Math.min(best, sum)
    }
    cost += best
  }
  return cost / record.length
}

interface Scene {
  /** Of the scores of honest events at a share of the record. */
  readonly middle: number
  readonly spread: number
  readonly attackShare: number
}

const EVENTS = 40_000
/** Standard deviations between honest events and attacks. */
const APART = 3
const SCENES: Readonly<Record<string, (x: number) => Scene>> = {
  still: () => ({ middle: 0, spread: 1, attackShare: 0.02 }),
  jump: (x) => ({ middle: x < 0.5 ? 0 : 1.5, spread: x < 0.5 ? 1 : 1.3, attackShare: 0.02 }),
  creep: (x) => ({ middle: 3 * x, spread: 1, attackShare: 0.02 }),
  fall: (x) => ({ middle: x < 0.5 ? 0 : -1.5, spread: 1, attackShare: 0.02 }),
  rare: () => ({ middle: 0, spread: 1, attackShare: 0.002 }),
  burst: (x) => ({ middle: 0, spread: 1, attackShare: x > 0.4 && x < 0.6 ? 0.1 : 0.005 }),
}

function madeRecord(seed: number, sceneAt: (x: number) => Scene): RecordedEvent[] {
  const fraction = seededFraction(seed)
  return Array.from({ length: EVENTS }, (_, t) => {
    const { middle, spread, attackShare } = sceneAt(t / EVENTS)
    const isAttack = fraction() < attackShare
    const score = middle + spread * (drawHeavy(fraction) + (isAttack ? APART : 0))
    return { score, isAttack, isTold: fraction() < TOLD_SHARE }
  })
}

/** Student's t of five degrees: scores have longer tails than the normal distribution. */
function drawHeavy(fraction: () => number): number {
  let squares = 0
  for (let i = 0; i < 5; i++) squares += drawNormal(fraction) ** 2
  return drawNormal(fraction) / Math.sqrt(squares / 5)
}

/** Everybody's own attempts repetition by repetition, and one of another person for every twenty of them. */
async function typingRecord(dataDir: string): Promise<RecordedEvent[]> {
  const { kinds, people } = await readKeystrokes(dataDir)
  const fraction = seededFraction(1)
  const scores = people.map((_, person) => scoreOwn(kinds, people, person))
  const rounds = Math.max(...scores.map(({ genuine }) => genuine[0]?.length ?? 0))
  const record: RecordedEvent[] = []
  const add = (score: number | undefined, isAttack: boolean): void => {
    if (score === undefined || !Number.isFinite(score)) return
    record.push({ score, isAttack, isTold: fraction() < TOLD_SHARE })
  }
  for (let round = 0; round < rounds; round++) {
    for (const { genuine, impostors, practised } of scores) {
      add(genuine[0]?.[round], false)
      if (fraction() >= 0.05) continue
      const attempts = (fraction() < 0.5 ? impostors : practised).flat()
      add(attempts[Math.floor(fraction() * attempts.length)], true)
    }
  }
  return record
}

function round(value: number): number {
  return Number(value.toFixed(4))
}
