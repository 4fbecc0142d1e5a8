/**
 * What an admission costs: CPU time per decision, split into its parts, and memory per profile. Hellos are those of the test
 * fixtures with everything drawn anew; no peers do the same, so figures are absolute. Work is measured by
 * `process.cpuUsage` over whole passes; the median of the rounds is given.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ja4 } from '../src/behavior/handshake/ja4.ts'
import type { HandshakeObservation } from '../src/behavior/handshake/observation.ts'
import { newProfile, type Profile } from '../src/behavior/handshake/profile.ts'
import type { Verdict } from '../src/behavior/handshake/verdict.ts'
import { newVerdictTable } from '../src/behavior/handshake/verdict-table.ts'
import { admitHandshake, type HandshakeSeen } from '../src/flows/admit-handshake.ts'
import { learnHandshakes } from '../src/flows/profile-handshakes.ts'
import { newHelloScoring } from '../src/flows/score-hellos.ts'
import { ClientHelloReader } from '../src/wire/client-hello.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'

const HELLOS = 20_000
const ROUNDS = 5
const PROFILES = 100_000
const VERDICTS = 1000
/** As the supervisor gets them at some thousand connections per second. */
const BATCH = 500

export async function benchAdmission(say: (line: string) => void): Promise<object> {
  const random = seededRandom(20261121)
  const hellos = freshHellos(random)
  // What the first pass costs is mostly the compiler's.
  measure(hellos)
  const rounds = Array.from({ length: ROUNDS }, () => measure(hellos))
  const us = Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((part) => [
      part,
      median(rounds.map((round) => round[part] ?? 0)),
    ]),
  )
  for (const [part, cost] of Object.entries(us)) say(`${part.padEnd(28)} ${cost.toFixed(2)} us`)
  const memory = memoryOfProfiles(hellos)
  for (const [name, value] of Object.entries(memory)) say(`${name.padEnd(28)} ${value}`)
  return { us, ...memory, hellos: HELLOS, rounds: ROUNDS }
}

/** Each part once over all hellos; the whole path as an edge walks it. */
function measure(hellos: readonly Uint8Array[]): Record<string, number> {
  const seen: HandshakeSeen[] = []
  const parse = perHello(hellos.length, () => {
    for (const bytes of hellos) {
      const outcome = new ClientHelloReader().feed(bytes, 0)
      if (outcome.kind !== 'more') seen.push(outcome)
    }
  })
  const fingerprint = perHello(hellos.length, () => {
    for (const one of seen) if (one.kind === 'hello') ja4(one.hello, 't')
  })
  const scoring = newHelloScoring(seededRandom(1))
  const { admission, profiler } = scoring
  admission.verdicts = newVerdictTable(manyVerdicts())
  scoring.now = START
  let decide = 0
  let learn = 0
  // Batch by batch, as they come: an edge does not hold on to what it has handed over.
  for (let at = 0; at < seen.length; at += BATCH) {
    const batch = seen.slice(at, at + BATCH)
    const observations: HandshakeObservation[] = []
    decide += perHello(seen.length, () => {
      batch.forEach((one, i) => {
        observations.push(admitHandshake(admission, facts(at + i), one).observation)
      })
    })
    learn += perHello(seen.length, () => {
      learnHandshakes(profiler, { observations, outcomes: [] }, [], START)
    })
  }
  return {
    parse,
    ja4: fingerprint,
    testsAndVerdicts: decide - fingerprint,
    pathTotal: parse + decide,
    learnInSupervisor: learn,
  }
}

const START = Date.UTC(2026, 10, 21)

/** One address per hello out of 4000 networks. */
function facts(i: number) {
  const remoteAddress = `10.${i % 16}.${i % 250}.${i % 200}`
  return { remoteAddress, remotePort: 1024 + (i % 60_000), listener: 'web', acceptedAt: START }
}

function perHello(count: number, work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

function manyVerdicts(): Verdict[] {
  return Array.from({ length: VERDICTS }, (_, i) => ({
    subject: { kind: 'profile', profile: i.toString(16).padStart(16, '0') },
    score: 5,
    reasons: [],
    until: START + 1,
  }))
}

/** Hellos of the fixtures, in turn, with another random in each. */
function freshHellos(random: ReturnType<typeof seededRandom>): Uint8Array[] {
  const folder = new URL('../test/fixtures/hellos/', import.meta.url)
  const originals = readdirSync(folder)
    .filter((name) => name.endsWith('.bin') && !/nmap|sslscan|synthetic/.test(name))
    .map((name) => new Uint8Array(readFileSync(new URL(name, folder))))
    .filter((bytes) => new ClientHelloReader().feed(bytes, 0).kind === 'hello')
  return Array.from({ length: HELLOS }, (_, i) => {
    const bytes = (originals[i % originals.length] ?? new Uint8Array(0)).slice()
    // Behind the headers of record and message, and the version.
    bytes.set(random.bytes(32), 11)
    return bytes
  })
}

/** Profiles with some history, as the supervisor holds them. */
function memoryOfProfiles(hellos: readonly Uint8Array[]): Record<string, number> {
  const { admission, profiler } = newHelloScoring(seededRandom(2))
  const outcome = new ClientHelloReader().feed(hellos[0] ?? new Uint8Array(0), 0)
  if (outcome.kind === 'more') throw new Error('Cannot read a hello of the fixtures')
  const { observation } = admitHandshake(admission, facts(0), outcome)
  const random = seededRandom(3)
  const hex = () => [...random.bytes(32)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const { features } = observation
  if (features === undefined) throw new Error('Cannot read a hello of the fixtures')
  const learned: Profile[] = []
  for (let i = 0; i < 8; i++) {
    const seen = { ...observation, features: { ...features, random: hex(), keyShare: '' } }
    learned.push(
      ...learnHandshakes(profiler, { observations: [seen], outcomes: [] }, [], START).touched,
    )
  }
  const json = JSON.stringify(learned[0] ?? newProfile(observation))
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  const before = process.memoryUsage().heapUsed
  const held: Profile[] = Array.from({ length: PROFILES }, () => JSON.parse(json))
  collect()
  const after = process.memoryUsage().heapUsed
  return {
    profiles: held.length,
    profileJsonBytes: json.length,
    profileHeapBytes: Math.round((after - before) / held.length),
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round((sorted[sorted.length >> 1] ?? 0) * 100) / 100
}
