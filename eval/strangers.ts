/**
 * Clients and generators that are in no folder of captures, through the same engine: browsers built from descriptions, the
 * clients of the JA4 captures, all of whom come late, beside those known by then; and broken generators. Three questions:
 * is any honest newcomer taken for hostile where all are honest, is any while generators are at work in other networks, and
 * which generators are seen.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClientHelloFinder } from '../src/flows/find-client-hellos.ts'
import { toHex } from '../src/ground/hex.ts'
import type { Random } from '../src/ground/random.ts'
import { ClientHelloReader } from '../src/wire/client-hello.ts'
import { readCapture } from '../src/wire/pcap.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'
import { type BrowserSignature, browserHello, readBrowserSignatures } from './browser-hellos.ts'
import { GENERATORS } from './generators.ts'
import { type Capture, type LabelResult, run, summary } from './replay-captures.ts'

/** Each seed draws all hellos anew. */
const SEEDS = 20
/** Per browser, in turn by seed: so that three or four of ten hellos are a newcomer's. */
const HELLOS_PER_BROWSER = [3, 5, 7]
/** As many as there are for a generator to be seen. */
const HELLOS_PER_GENERATOR = 20
/** Where a random is in a hello: behind the headers of record and message, and the version. */
const RANDOM_AT = 11

export function strangers(captures: readonly Capture[], dataDir: string): object {
  const [signatures, captured] = [browsersIn(dataDir), capturedIn(dataDir)]
  const known = captures.filter(({ kind }) => kind === 'client')
  const now = Math.min(...captures.map(({ acceptedAt }) => acceptedAt))
  const late = (seed: number) => newcomers(signatures, captured, now, seed)
  const runs = (others: (seed: number) => readonly Capture[], layout: 'shared' | 'apart') =>
    Array.from({ length: SEEDS }, (_, seed) =>
      run([...known, ...late(seed), ...others(seed)], seed, layout),
    )
  const hostile = (seed: number) => generated(captures, now, seededRandom(9000 + seed))
  const none = () => []
  const beside = runs(hostile, 'apart')
  return {
    newcomers: {
      shares: [0, 1, 2].map((seed) => share(late(seed).length, known.length)),
      sharedNetwork: summary(runs(none, 'shared')),
      networksApart: summary(runs(none, 'apart')),
      besideGenerators: summary(beside.map((all) => all.filter(({ kind }) => kind === 'client'))),
    },
    generators: generatorsSeen(beside),
    cannotSee: [
      ...GENERATORS.flatMap(({ label, cannotSee }) =>
        cannotSee === undefined ? [] : [`${label}: ${cannotSee}`],
      ),
      ...CANNOT_SEE,
    ],
  }
}

function share(some: number, others: number): number {
  return Math.round((100 * some) / (some + others)) / 100
}

/** What no look at handshakes can show, however many there are; and what single ones cannot. */
const CANNOT_SEE = [
  'a scanner that uses a real library (OpenSSL, BoringSSL) with fresh randoms, at the pace of people: its hellos are those of honest clients',
  'any generator in a single hello whose output of 256 bits is one of 2^200 or more: one value has no pattern; it takes several of one client',
  'a client that copies the fingerprint of a common browser from networks of its own: only what it does later tells',
  'a key share that is used again under fresh randoms: the standard discourages it and does not forbid it, so it weighs one digit at most, below tier 2',
  'a session id that is used again without a TLS 1.3 ticket: it may name a TLS 1.2 session, so it is context',
  'a scanner that sends each fingerprint three times or more: from the third on it is taken for known',
]

interface Seen {
  runs: number
  flaggedInTime: number
  firstFlagMax: number
}

function generatorsSeen(runs: readonly (readonly LabelResult[])[]): Record<string, Seen> {
  const seen: Record<string, Seen> = {}
  for (const { label, kind, firstFlag } of runs.flat()) {
    if (kind !== 'synthetic-hostile') continue
    const one = seen[label] ?? { runs: 0, flaggedInTime: 0, firstFlagMax: 0 }
    seen[label] = one
    one.runs++
    if (firstFlag > 0) one.flaggedInTime++
    one.firstFlagMax = Math.max(one.firstFlagMax, firstFlag)
  }
  return seen
}

/** Browsers, one in three of whose hellos resumes, and the clients of the JA4 captures as they were. */
function newcomers(
  signatures: readonly BrowserSignature[],
  captured: readonly Capture[],
  now: number,
  seed: number,
): Capture[] {
  const random = seededRandom(7000 + seed)
  const length = HELLOS_PER_BROWSER[seed % HELLOS_PER_BROWSER.length] ?? 1
  const browsers = signatures.flatMap((signature) =>
    Array.from({ length }, (_, i) =>
      captureOf(
        signature.name,
        'client',
        browserHello(signature, random, i > 0 && random.fraction() < 0.33),
        now,
      ),
    ),
  )
  return [...browsers, ...captured.map((capture) => ({ ...capture, acceptedAt: now }))]
}

function generated(captures: readonly Capture[], now: number, random: Random): Capture[] {
  const bases = captures.filter(
    ({ kind, label }) =>
      kind === 'client' && /openssl|node/.test(label) && !label.includes('-tls1'),
  )
  const withRandom = (of: Uint8Array) => {
    const base = bases[Math.floor(random.fraction() * bases.length)]?.bytes ?? new Uint8Array(0)
    return drawnAnew(base, random, of)
  }
  const randoms = GENERATORS.flatMap(({ label, start }) => {
    const next = start(random, now)
    const base = bases[Math.floor(random.fraction() * bases.length)]?.bytes ?? new Uint8Array(0)
    return Array.from({ length: HELLOS_PER_GENERATOR }, (_, i) =>
      captureOf(label, 'synthetic-hostile', drawnAnew(base, random, next(i)), now),
    )
  })
  const share = random.bytes(32).slice()
  const still = (label: string, change: (bytes: Uint8Array) => void) =>
    Array.from({ length: HELLOS_PER_GENERATOR }, () => {
      const bytes = withRandom(random.bytes(32))
      change(bytes)
      return captureOf(label, 'synthetic-hostile', bytes, now)
    })
  const pieces = (label: string, size: number, gapUs: number) =>
    Array.from({ length: HELLOS_PER_GENERATOR }, () =>
      captureOf(label, 'synthetic-hostile', withRandom(random.bytes(32)), now, size, gapUs),
    )
  return [
    ...randoms,
    ...still('session id stands still', (bytes) =>
      bytes.fill(7, RANDOM_AT + 33, RANDOM_AT + 33 + (bytes[RANDOM_AT + 32] ?? 0)),
    ),
    ...still('key share stands still', (bytes) => setKeyShares(bytes, share)),
    ...pieces('dripped, fresh', 40, 20_000),
    ...pieces('two bursts', 200, 900_000),
  ]
}

/** Random as given; session id and key shares fresh. */
function drawnAnew(base: Uint8Array, random: Random, value: Uint8Array): Uint8Array {
  const bytes = base.slice()
  bytes.set(value, RANDOM_AT)
  bytes.set(random.bytes(bytes[RANDOM_AT + 32] ?? 0), RANDOM_AT + 33)
  setKeyShares(bytes, random.bytes(2048))
  return bytes
}

/** All of them begin with `value`; the keys of a hello are views into its bytes. */
function setKeyShares(bytes: Uint8Array, value: Uint8Array): void {
  const outcome = new ClientHelloReader().feed(bytes, 0)
  if (outcome.kind !== 'hello') return
  for (const { key, length } of outcome.hello.keyShares) key.set(value.subarray(0, length))
}

function captureOf(
  label: string,
  kind: Capture['kind'],
  bytes: Uint8Array,
  acceptedAt: number,
  size = bytes.length,
  gapUs = 0,
): Capture {
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => ({
    t_us: 500 + i * gapUs,
    n: Math.min(size, bytes.length - i * size),
  }))
  return { label, kind, bytes, acceptedAt, chunks, isLate: true }
}

function browsersIn(dataDir: string): BrowserSignature[] {
  const folder = folderOf(dataDir, join('browser-signatures', 'lwthiker'))
  return folder === undefined ? [] : readBrowserSignatures(folder)
}

/** The first hello of each TCP connection there; the same packet is in more than one file. */
function capturedIn(dataDir: string): Capture[] {
  const folder = folderOf(dataDir, 'ja4')
  if (folder === undefined) return []
  const found = new Map<string, Capture>()
  for (const file of readdirSync(folder).filter((name) => /\.pcap(ng)?$/.test(name))) {
    const outcome = readCapture(readFileSync(join(folder, file)))
    if (outcome.kind !== 'capture') continue
    const finder = new ClientHelloFinder()
    const hellos = outcome.capture.packets.flatMap((packet) => finder.add(packet))
    for (const { hello, error, transport, nth, fingerprint } of [...hellos, ...finder.end()]) {
      if (transport !== 't' || nth > 1 || error !== undefined) continue
      const label = `ja4 ${fingerprint.stable}`
      const bytes = new Uint8Array(0)
      const made = { label, kind: 'client' as const, bytes, acceptedAt: 0, chunks: [], hello }
      found.set(toHex(hello.random), { ...made, isLate: true })
    }
  }
  return [...found.values()]
}

function folderOf(dataDir: string, name: string): string | undefined {
  return [join(dataDir, name), join(dataDir, 'tls', name), join(dataDir, '..', name)].find(
    existsSync,
  )
}
