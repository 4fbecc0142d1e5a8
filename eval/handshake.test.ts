import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello } from '../test/fixtures/hello-bytes.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'
import { type Capture, type Kind, run } from './replay-captures.ts'

/** Clients and generators that are not in the captured data: made of fixtures, all that is drawn drawn anew. */
const NOW = Date.UTC(2026, 10, 21)
const RANDOM_AT = 11
const random = seededRandom(77)

function drawn(name: string): Uint8Array {
  const bytes = capturedHello(name)
  bytes.set(random.bytes(32), RANDOM_AT)
  const sessionId = bytes[RANDOM_AT + 32] ?? 0
  bytes.set(random.bytes(sessionId), RANDOM_AT + 33)
  return bytes
}

function captures(
  label: string,
  kind: Kind,
  count: number,
  make: (i: number) => Uint8Array | readonly Uint8Array[],
): Capture[] {
  return Array.from({ length: count }, (_, i) => {
    const made = make(i)
    const chunks = made instanceof Uint8Array ? [made] : made
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
    let at = 0
    const timed = chunks.map((chunk, j) => {
      bytes.set(chunk, at)
      at += chunk.length
      return { t_us: 500 + j * 25_000, n: chunk.length }
    })
    return { label, kind, bytes, acceptedAt: NOW + i, chunks: timed }
  })
}

const CLIENTS = [
  'chromium-001',
  'curl-openssl-001',
  'curl-openssl-tls12-001',
  'gnutls-cli-001',
  'node24-https-001',
  'php-stream-001',
]
const LATE = ['go-nethttp-001', 'openssl-sclient-tls10-001']

const honest = () => [
  ...CLIENTS.flatMap((name) => captures(name, 'client', 30, () => drawn(name))),
  // Captured clients send a third of their hellos before anybody else; these come in the middle.
  ...LATE.flatMap((name) => captures(`late ${name}`, 'unknown', 30, () => drawn(name))),
]

function withRandom(bytes: Uint8Array, value: Uint8Array): Uint8Array {
  bytes.set(value, RANDOM_AT)
  return bytes
}

function hostile(): Capture[] {
  const base = 'openssl-sclient-001'
  let state = 12345
  const lcg = (little: boolean) => () => {
    const bytes = new Uint8Array(32)
    for (let at = 0; at < 32; at += 4) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      new DataView(bytes.buffer).setUint32(at, state, little)
    }
    return withRandom(drawn(base), bytes)
  }
  const prefix = random.bytes(20)
  const replayed = drawn('chromium-001')
  const of = (label: string, count: number, make: Parameters<typeof captures>[3]) =>
    captures(label, 'synthetic-hostile', count, make)
  return [
    ...of('lcg', 20, lcg(false)),
    ...of('lcg little', 20, lcg(true)),
    ...of('counter', 20, (i) => {
      const bytes = new Uint8Array(32)
      bytes[31] = i
      return withRandom(drawn(base), bytes)
    }),
    ...of('prefix and counter', 20, (i) => {
      const bytes = new Uint8Array(32)
      bytes.set(prefix)
      bytes.set(random.bytes(12), 20)
      bytes[31] = i
      return withRandom(drawn(base), bytes)
    }),
    ...of('time', 20, () => {
      const bytes = random.bytes(32)
      new DataView(bytes.buffer).setUint32(0, NOW / 1000 + 60)
      return withRandom(drawn(base), bytes)
    }),
    ...of('replay', 20, () => replayed),
    ...of('cipher cycling', 20, (i) => {
      const bytes = drawn(base)
      // The second suite of the list becomes one that nobody knows.
      const ciphers = RANDOM_AT + 33 + (bytes[RANDOM_AT + 32] ?? 0) + 2
      bytes.set([0xd0, i], ciphers + 2)
      return bytes
    }),
    ...of('dripped', 6, () => {
      const bytes = drawn(base)
      return Array.from({ length: Math.ceil(bytes.length / 20) }, (_, i) =>
        bytes.subarray(i * 20, i * 20 + 20),
      )
    }),
    ...of('small records', 6, () => {
      const body = drawn(base).subarray(5)
      const made: number[] = []
      for (let at = 0; at < body.length; at += 50) {
        const part = body.subarray(at, at + 50)
        made.push(22, 3, 1, 0, part.length, ...part)
      }
      return Uint8Array.from(made)
    }),
    ...of('truncated', 4, () => drawn(base).subarray(0, 150)),
    ...of('plain', 4, () => new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')),
  ]
}

function isAsItShouldBe(
  { kind, flagged, firstFlag, profiles }: ReturnType<typeof run>[number],
  layout: 'shared' | 'apart',
): boolean {
  if (kind === 'synthetic-hostile') return firstFlag > 0 && firstFlag <= 20
  if (kind === 'client') return flagged === 0 && profiles === 1
  // One that comes for the first time while somebody in its own network cycles fingerprints of its kind may be taken for
  // that one, until its third hello.
  return flagged <= (layout === 'shared' ? 2 : 0)
}

describe('run()', () => {
  for (const layout of ['shared', 'apart'] as const) {
    it(`flags every generator within 20 hellos and no client: ${layout}`, () => {
      for (let seed = 100; seed < 110; seed++) {
        const results = run([...honest(), ...hostile()], seed, layout)
        const wrong = results.filter((one) => !isAsItShouldBe(one, layout))
        assert.deepEqual(wrong, [], `seed ${seed}`)
      }
    })
  }

  it('flags nobody where all are honest, also those that come late', () => {
    for (let seed = 0; seed < 40; seed++) {
      for (const { label, flagged, profiles } of run(honest(), seed, 'shared')) {
        assert.deepEqual([flagged, profiles], [0, 1], `${label}, seed ${seed}`)
      }
    }
  })

  it('gives the same answer for the same seed', () => {
    const all = [...honest(), ...hostile()]
    assert.deepEqual(run(all, 5, 'shared'), run(all, 5, 'shared'))
  })
})
