/**
 * 100 000 users: people with the profile of a usual month, sealed in LMDB as a running Limen keeps them. What they take on the
 * disk and in the process, how long one who is not at hand takes to be judged (read, opened, fitted, scored) and one who is,
 * and how long a restart takes until the first is judged, the population drawn.
 *
 * @module
 */
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openEnvironment } from '../src/adapters/lmdb/environment.ts'
import { lmdbPersonStore } from '../src/adapters/lmdb/person-store.ts'
import { aesPersonSeal } from '../src/adapters/node/person-seal.ts'
import { aesRecordSeal } from '../src/adapters/node/record-seal.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { meetOthers } from '../src/apps/server/behavior/meet-others.ts'
import type { Person } from '../src/behavior/person/person.ts'
import { PEOPLE_AT_HAND_MAX, type PeopleSettings, PeopleWatch } from '../src/flows/watch-people.ts'
import { seededFraction } from '../src/math/seeded-chance.ts'
import type { PersonStore } from '../src/ports/person-store.ts'
import type { BehaviorBatch } from '../src/wire/behavior-batch.ts'
import { actPerson } from '../test/acted-person.ts'

const USERS = 100_000
/** Who are really different; the others have the profile of one of them under their own id and key. */
const DIFFERENT = 40
const DAYS = 20
const KEYS_A_DAY = 160
/** Saved at once, as many as the storage puts into one commit. */
const AT_ONCE = 200
const COLD = 2000
const WARM = 2000
const LOADED_AT_START = 10

const SETTINGS: PeopleSettings = {
  ...{ thresholds: { tier2: 3, tier3: 5 }, tuning: 'fixed', falsePositiveBudget: 0.01 },
  ...{ enrol: 'first', sessionMs: 1_800_000 },
}

const idOf = (number: number): string => {
  // Spread as hashes are, so that reads go all over the file.
  const spread = Math.imul(number + 1, 0x9e3779b1) >>> 0
  return spread.toString(16).padStart(8, '0') + number.toString(16).padStart(24, '0')
}

export async function benchUsers(
  say: (line: string) => void,
  users = USERS,
): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-bench-users-'))
  try {
    return await benchIn(folder, say, users)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function benchIn(
  folder: string,
  say: (line: string) => void,
  users: number,
): Promise<Record<string, number>> {
  const master = createSecretKey(randomBytes(32))
  const open = async (): Promise<PersonStore> =>
    lmdbPersonStore({
      records: await openEnvironment(join(folder, 'people')),
      keys: await openEnvironment(join(folder, 'person-keys')),
      seal: aesPersonSeal(master, systemRandom()),
      stateSeal: aesRecordSeal(master, 'people', systemRandom()),
    })
  const people = Array.from({ length: DIFFERENT }, (_, i) => madePerson(i))
  let store = await open()
  const savedAt = performance.now()
  for (let from = 0; from < users; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, users - from)
    await Promise.all(
      Array.from({ length: count }, (_, i) => store.save({ ...of(people, from + i) })),
    )
    if (from > 0 && from % 20_000 === 0) say(`${from} saved`)
  }
  const saveMs = (performance.now() - savedAt) / users
  await store.close()
  const restartAt = performance.now()
  store = await open()
  const watch = new PeopleWatch(SETTINGS, seededFraction(1), 0)
  for (let i = 0; i < LOADED_AT_START; i++) await meetOthers(watch.population, store)
  await judge(watch, store, 0)
  const restartMs = performance.now() - restartAt
  const stored = await store.size()
  // What is loaded besides people is there by now.
  collectGarbage()
  const before = process.memoryUsage()
  const cold = await timed(COLD, (i) => judge(watch, store, (i * 37) % users))
  collectGarbage()
  const after = process.memoryUsage()
  const warm = await timed(WARM, async (i) => {
    watch.take(`s${(((COLD - 1 - (i % 100)) * 37) % users).toString()}`, batchOf(i), i, 0)
  })
  await store.close()
  const bytes = ['people', 'person-keys'].reduce(
    (sum, name) => sum + statSync(join(folder, name, 'data.mdb')).size,
    0,
  )
  return {
    users_100k: stored,
    users_disk_mb: Math.round(bytes / 2 ** 20),
    users_disk_bytes_each: Math.round(bytes / stored),
    users_save_ms: round(saveMs),
    users_restart_ms: Math.round(restartMs),
    users_population: watch.population.size,
    users_at_hand: Math.min(PEOPLE_AT_HAND_MAX, watch.figures().people),
    users_at_hand_mb: Math.round((after.heapUsed - before.heapUsed) / 2 ** 20),
    users_rss_mb: Math.round(after.rss / 2 ** 20),
    users_cold_ms: round(cold.median),
    users_cold_p99_ms: round(cold.p99),
    users_warm_ms: round(warm.median),
    users_warm_p99_ms: round(warm.p99),
  }
}

/** Else what is measured is when the garbage collector came by. */
const collectGarbage = ((): (() => void) => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** A person after that many days. */
function madePerson(seed: number): Person {
  const watch = new PeopleWatch(SETTINGS, seededFraction(seed), 0)
  const actor = actPerson(seed)
  const { person } = watch.admit(idOf(seed), undefined, 0)
  for (let day = 0; day < DAYS; day++) {
    watch.bind('s', person.id, false, 0)
    actor.sleep()
    for (const batch of [actor.password(), ...actor.type(KEYS_A_DAY)])
      watch.take('s', batch, day, 0)
    watch.sweep(0, true)
  }
  return person
}

function of(people: readonly Person[], number: number): Person {
  const person = people[number % people.length]
  if (person === undefined) throw new RangeError('Nobody was made')
  return { ...person, id: idOf(number) }
}

const batches = actPerson(7).type(4000)
function batchOf(i: number): BehaviorBatch {
  const batch = batches[i % batches.length]
  if (batch === undefined) throw new RangeError('Nothing was typed')
  return batch
}

/** Somebody who was not at hand begins a session and types a window. */
async function judge(watch: PeopleWatch, store: PersonStore, number: number): Promise<void> {
  const id = idOf(number)
  const kept = await store.load(id)
  watch.admit(id, kept?.person, 0)
  watch.bind(`s${number}`, id, false, 0)
  watch.take(`s${number}`, batchOf(number), 1, 0)
}

async function timed(
  times: number,
  work: (i: number) => Promise<void>,
): Promise<{ readonly median: number; readonly p99: number }> {
  const taken = new Float64Array(times)
  for (let i = 0; i < times; i++) {
    const at = performance.now()
    await work(i)
    taken[i] = performance.now() - at
  }
  taken.sort()
  return { median: taken[times >> 1] ?? 0, p99: taken[Math.floor(0.99 * times)] ?? 0 }
}

const round = (value: number): number => Number(value.toPrecision(3))
