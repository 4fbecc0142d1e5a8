/**
 * Keystroke dynamics on the CMU data (Killourhy and Maxion, 2009: "Comparing Anomaly-Detection Algorithms for Keystroke
 * Dynamics"), by their protocol: a person's first 200 repetitions are learned, the last 200 are genuine, the first 5 of
 * everybody else are impostors. What is scored is the product's own profile. Impostors who never typed the text before are
 * the easy ones: `practised` figures take the last 5 repetitions of everybody else instead.
 *
 * A background never holds the impostor that is scored, nor the person: people are divided into folds, and impostors of
 * a fold are scored with the others only.
 *
 * @module
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  drawBackground,
  type TypingBackground,
} from '../src/behavior/biometrics/typing-background.ts'
import { learn, openProfile, type TimingKind } from '../src/behavior/biometrics/typing-profile.ts'
import { fitProfile, scoreObservation } from '../src/behavior/biometrics/typing-score.ts'
import { equalErrorRate, mean } from './equal-error.ts'

const LEARNED = 200
const IMPOSTOR_ROWS = 5
const CONSECUTIVE = 3
const FOLDS = 5

export async function evalKeystroke(dataDir: string): Promise<object> {
  const { kinds, people } = await readKeystrokes(dataDir)
  const own = people.map((_, target) => scoreOwn(kinds, people, target))
  const background = people.map((_, target) => scoreWithBackground(kinds, people, target))
  return {
    subjects: people.length,
    eer_own: round(mean(own.map((scores) => rateOf(scores, 1)))),
    eer_background: round(mean(background.map((scores) => rateOf(scores, 1)))),
    eer_mean3: round(mean(background.map((scores) => rateOf(scores, CONSECUTIVE)))),
    eer_common: round(rateOf(together(background), 1)),
    eer_own_mean3: round(mean(own.map((scores) => rateOf(scores, CONSECUTIVE)))),
    eer_own_common: round(rateOf(together(own), 1)),
    eer_own_practised: round(mean(own.map((scores) => rateOf(practised(scores), 1)))),
    eer_background_practised: round(mean(background.map((scores) => rateOf(practised(scores), 1)))),
  }
}

/** Of the folder, or of `cmu-keystroke` in it. */
export async function readKeystrokes(dataDir: string): Promise<Keystrokes> {
  const folder = join(dataDir, 'cmu-keystroke')
  const inside = await access(folder).then(
    () => folder,
    () => dataDir,
  )
  return parseKeystrokes(await readFile(join(inside, 'keystrokes.csv'), 'utf8'))
}

export interface Keystrokes {
  readonly kinds: readonly TimingKind[]
  /** As the data calls people. */
  readonly names: readonly string[]
  /** Repetitions of each person in order, seconds. */
  readonly people: readonly (readonly Float64Array[])[]
}

/**
 * Columns subject, sessionIndex, rep, then timings named `H.`, `DD.` and `UD.` and the keys.
 *
 * @throws {TypeError} when a column has another name
 */
export function parseKeystrokes(csv: string): Keystrokes {
  const lines = csv.split('\n').filter((line) => line.trim() !== '')
  const names = (lines[0] ?? '').trim().split(',').slice(3)
  const kinds = names.map(kindOf)
  const people = new Map<string, Float64Array[]>()
  for (const line of lines.slice(1)) {
    const [subject = '', , , ...timings] = line.trim().split(',')
    const rows = people.get(subject) ?? []
    rows.push(Float64Array.from(timings, Number))
    people.set(subject, rows)
  }
  return { kinds, names: [...people.keys()], people: [...people.values()] }
}

function kindOf(name: string): TimingKind {
  const prefix = name.replaceAll('"', '').split('.')[0]
  if (prefix === 'H') return 'hold'
  if (prefix === 'DD') return 'press-press'
  if (prefix === 'UD') return 'release-press'
  throw new TypeError(`keystrokes.csv: column ${name} is no H, DD or UD`)
}

/** Scores in order, so that consecutive ones can be averaged: runs of one person each. */
interface Scores {
  readonly genuine: readonly (readonly number[])[]
  readonly impostors: readonly (readonly number[])[]
  /** The last repetitions of others, who then have typed the text as often as the person. */
  readonly practised: readonly (readonly number[])[]
}

type People = Keystrokes['people']
type Score = (timings: Float64Array) => number

/** By the person's own repetitions alone. */
export function scoreOwn(kinds: readonly TimingKind[], people: People, target: number): Scores {
  const rows = people[target] ?? []
  const others = people.filter((_, person) => person !== target)
  return scoreAll(scorer(kinds, rows), rows, others)
}

function scoreWithBackground(kinds: readonly TimingKind[], people: People, target: number): Scores {
  const rows = people[target] ?? []
  const folds = Array.from({ length: FOLDS }, (_, fold) => {
    const others = (inFold: boolean) =>
      people.filter((_, person) => person !== target && (person % FOLDS === fold) === inFold)
    return scoreAll(scorer(kinds, rows, drawBackground(others(false))), rows, others(true))
  })
  return together(folds)
}

function scoreAll(score: Score, rows: readonly Float64Array[], others: People): Scores {
  return {
    genuine: [rows.slice(LEARNED).map(score)],
    impostors: others.map((other) => other.slice(0, IMPOSTOR_ROWS).map(score)),
    practised: others.map((other) => other.slice(-IMPOSTOR_ROWS).map(score)),
  }
}

function scorer(
  kinds: readonly TimingKind[],
  rows: readonly Float64Array[],
  background?: TypingBackground,
): Score {
  const profile = openProfile(kinds)
  for (const row of rows.slice(0, LEARNED)) learn(profile, row, true)
  const fit = fitProfile(profile, background)
  return (timings) => {
    const score = scoreObservation(fit, timings)
    // What cannot be judged is let in.
    return score.kind === 'scored' ? score.deviation : Number.NEGATIVE_INFINITY
  }
}

function together(all: readonly Scores[]): Scores {
  return {
    genuine: all.flatMap(({ genuine }) => genuine),
    impostors: all.flatMap(({ impostors }) => impostors),
    practised: all.flatMap(({ practised }) => practised),
  }
}

function practised(scores: Scores): Scores {
  return { ...scores, impostors: scores.practised }
}

/** Equal error rate of means over `consecutive` scores of one run. */
export function rateOf(
  { genuine, impostors }: Pick<Scores, 'genuine' | 'impostors'>,
  consecutive: number,
): number {
  const means = (run: readonly number[]) =>
    run.slice(consecutive - 1).map((_, i) => mean(run.slice(i, i + consecutive)))
  return equalErrorRate(genuine.flatMap(means), impostors.flatMap(means))
}

function round(rate: number): number {
  return Number(rate.toFixed(4))
}
