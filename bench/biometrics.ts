/**
 * What behavioral biometrics cost: an observation scored, a profile made ready anew after it has learned, bytes per
 * profile; then 100 000 users (`users.ts`). CPU time of this process, median of rounds; people from a seed.
 *
 * @module
 */
import { readActions } from '../src/behavior/biometrics/pointer-actions.ts'
import { POINTER_FEATURES } from '../src/behavior/biometrics/pointer-features.ts'
import { learnSession, openPointerProfile } from '../src/behavior/biometrics/pointer-profile.ts'
import {
  fitPointerProfile,
  scoreSession,
  trainContrast,
} from '../src/behavior/biometrics/pointer-score.ts'
import { drawBackground } from '../src/behavior/biometrics/typing-background.ts'
import { learn, openProfile } from '../src/behavior/biometrics/typing-profile.ts'
import { fitProfile, scoreObservation } from '../src/behavior/biometrics/typing-score.ts'
import { POPULATION_MAX } from '../src/behavior/person/population.ts'
import { seededFraction } from '../src/math/seeded-chance.ts'
import { ELEVEN_KEYS, movePointer, typeRepeatedly } from '../test/fixtures/synthetic-people.ts'
import { benchUsers } from './users.ts'

const ROUNDS = 9

export async function benchBiometrics(say: (line: string) => void): Promise<object> {
  const figures = { ...benchTyping(), ...benchPointer(), ...(await benchUsers(say)) }
  for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(28)}${value}`)
  return figures
}

const OTHERS = 25

function benchTyping(): Record<string, number> {
  const rows = typeRepeatedly(1, 400)
  const others = Array.from({ length: OTHERS }, (_, i) => typeRepeatedly(i + 2, 200))
  const background = drawBackground(others)
  const profile = openProfile(ELEVEN_KEYS)
  for (const row of rows.slice(0, 200)) learn(profile, row, true)
  const alone = fitProfile(profile)
  const among = fitProfile(profile, background)
  return {
    score_us: perCallUs(20_000, (i) =>
      scoreObservation(among, rows[200 + (i % 200)] ?? new Float64Array()),
    ),
    score_own_us: perCallUs(20_000, (i) =>
      scoreObservation(alone, rows[200 + (i % 200)] ?? new Float64Array()),
    ),
    refit_ms: perCallUs(100, () => fitProfile(profile, background)) / 1000,
    refit_own_ms: perCallUs(100, () => fitProfile(profile)) / 1000,
    bytes_per_profile: JSON.stringify(profile).length,
  }
}

function benchPointer(): Record<string, number> {
  const fraction = seededFraction(1)
  const session = (seed: number, n: number) => readActions(movePointer(seed, n, 60))
  const profile = openPointerProfile()
  for (let n = 0; n < 20; n++) learnSession(profile, session(1, n), true, fraction)
  const others = Array.from({ length: 9 }, (_, i) => session(i + 2, 0))
  const fit = fitPointerProfile(profile, trainContrast(profile, others, fraction))
  const events = movePointer(1, 99, 60)
  const actions = readActions(events)
  // As the live score has it: a full population, by regression.
  const known = Array.from({ length: POPULATION_MAX }, (_, i) => session(i + 2, 0).slice(0, 30))
  const refit = () => fitPointerProfile(profile, undefined, POINTER_FEATURES, known.flat())
  const among = refit()
  return {
    mouse_among_score_us: perCallUs(100, () => scoreSession(among, actions)) / actions.length,
    mouse_among_refit_ms: perCallUs(2, refit) / 1000,
    mouse_score_us: perCallUs(100, () => scoreSession(fit, actions)) / actions.length,
    mouse_read_us: perCallUs(100, () => readActions(events)) / actions.length,
    mouse_refit_ms: perCallUs(2, () => fitPointerProfile(profile, fit.trees)) / 1000,
    mouse_train_ms: perCallUs(1, () => trainContrast(profile, others, fraction)) / 1000,
    mouse_bytes_per_profile: JSON.stringify(profile).length,
  }
}

/** Microseconds of CPU per call, median of rounds, after a round that warms up; three digits. */
function perCallUs(calls: number, call: (i: number) => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) call(i)
    const { user, system } = process.cpuUsage(before)
    if (round > 0) rounds.push((user + system) / calls)
  }
  const middle = rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
  return Number(middle.toPrecision(3))
}
