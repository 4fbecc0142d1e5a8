import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { capturedHello } from '../../test/fixtures/hello-bytes.ts'
import { type ClientHelloOutcome, ClientHelloReader } from './client-hello.ts'

/** `LIMEN_FUZZ_RUNS=1000000` for the long run; the slice here takes a few seconds. */
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const SEED = 10_122_689

const HELLOS = [
  'chromium-001',
  'curl-openssl-001',
  'openssl-sclient-resume-002',
  'gnutls-cli-001',
  'nmap-ssl-enum-003',
  'synthetic-record-frag-001',
].map(capturedHello)

interface Mutation {
  readonly kind: string
  readonly at: number
  readonly early: boolean
  readonly value: number
  readonly length: number
}

/** What happens to a hello on its way: bytes changed, cut out, doubled; lengths hit most often. */
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'truncate'),
  at: fc.nat(),
  early: fc.boolean(),
  value: fc.nat(255),
  length: fc.integer({ min: 1, max: 40 }),
})

function mutate(bytes: Uint8Array, change: Mutation): Uint8Array {
  // Half of the changes hit the first 120 bytes, where the lengths are.
  const at = change.at % (change.early ? Math.min(120, bytes.length) : bytes.length)
  const copy = bytes.slice()
  switch (change.kind) {
    case 'set':
      copy[at] = change.value
      return copy
    case 'flip':
      copy[at] = (copy[at] ?? 0) ^ (1 << (change.value & 7))
      return copy
    case 'cut':
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + change.length)])
    case 'insert': {
      const again = bytes.subarray(at, at + change.length)
      return Uint8Array.from([...bytes.subarray(0, at), ...again, ...bytes.subarray(at)])
    }
    default:
      return bytes.subarray(0, Math.max(1, at))
  }
}

const mutated = fc
  .tuple(fc.constantFrom(...HELLOS), fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(([bytes, changes]) =>
    changes.reduce((b, change) => (b.length > 1 ? mutate(b, change) : b), bytes),
  )

function readIn(bytes: Uint8Array, sizes: readonly number[]): ClientHelloOutcome {
  const reader = new ClientHelloReader()
  let outcome: ClientHelloOutcome = { kind: 'more' }
  let at = 0
  for (let i = 0; at < bytes.length && outcome.kind === 'more'; i++) {
    const size = sizes[i] ?? bytes.length
    outcome = reader.feed(bytes.subarray(at, at + size), i)
    at += size
  }
  return outcome
}

/** The outcome without what depends on how it was cut. */
function essence(outcome: ClientHelloOutcome): unknown {
  if (outcome.kind === 'more' || outcome.hello === undefined) return outcome
  const { chunks: _, completedAt: __, ...hello } = outcome.hello
  return { ...outcome, hello }
}

it(`reads ${RUNS} mutated hellos: never an exception, and any split gives the same outcome`, () => {
  const kinds = { more: 0, hello: 0, error: 0 }
  fc.assert(
    fc.property(
      mutated,
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }),
      (bytes, sizes) => {
        const whole = readIn(bytes, [bytes.length])
        kinds[whole.kind]++
        assert.deepEqual(essence(readIn(bytes, sizes)), essence(whole))
      },
    ),
    { numRuns: RUNS, seed: SEED },
  )
  // A fuzzer whose inputs all fail at the first byte would prove nothing.
  for (const kind of ['more', 'hello', 'error'] as const) {
    assert.ok(kinds[kind] > RUNS / 50, `${kind}: ${kinds[kind]} of ${RUNS}`)
  }
})

it('reads arbitrary bytes without an exception', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(bytes, fc.boolean(), (tail, framed) => {
      const input = framed ? Uint8Array.from([22, 3, 1, 0, tail.length, ...tail]) : tail
      const outcome = readIn(input, [input.length])
      assert.ok(['more', 'hello', 'error'].includes(outcome.kind))
    }),
    { numRuns: Math.ceil(RUNS / 10), seed: SEED },
  )
})
