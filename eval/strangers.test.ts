import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ja4 } from '../src/behavior/handshake/ja4.ts'
import { ClientHelloReader } from '../src/wire/client-hello.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'
import { type BrowserSignature, browserHello } from './browser-hellos.ts'
import { GENERATORS } from './generators.ts'

const SIGNATURE: BrowserSignature = {
  name: 'a browser',
  isPermuted: true,
  hello: {
    record_version: 'TLS_VERSION_1_0',
    handshake_version: 'TLS_VERSION_1_2',
    session_id_length: 32,
    ciphersuites: ['GREASE', 0x1301, 0x1302, 0xc02b],
    comp_methods: [0],
    extensions: [
      { type: 'GREASE', length: 0 },
      { type: 'server_name' },
      { type: 'supported_groups', supported_groups: ['GREASE', 29, 23] },
      { type: 'application_layer_protocol_negotiation', alpn_list: ['h2', 'http/1.1'] },
      { type: 'signature_algorithms', sig_hash_algs: [0x0403, 0x0804] },
      {
        type: 'keyshare',
        key_shares: [
          { group: 'GREASE', length: 1 },
          { group: 29, length: 32 },
        ],
      },
      { type: 'psk_key_exchange_modes', psk_ke_mode: 1 },
      { type: 'supported_versions', supported_versions: ['GREASE', 'TLS_VERSION_1_3'] },
      { type: 'GREASE', length: 1 },
      { type: 'padding' },
    ],
  },
}

function read(bytes: Uint8Array) {
  const outcome = new ClientHelloReader().feed(bytes, 0)
  assert.ok(outcome.kind === 'hello', JSON.stringify(outcome))
  return outcome.hello
}

describe('browserHello()', () => {
  it('is a hello with one stable fingerprint, whatever is drawn and permuted', () => {
    const random = seededRandom(1)
    const orders = new Set<string>()
    const stable = new Set<string>()
    const randoms = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const hello = read(browserHello(SIGNATURE, random, i % 3 === 0))
      assert.equal(hello.grease, true)
      assert.equal(hello.psk !== undefined, i % 3 === 0)
      stable.add(ja4(hello, 't').stable)
      orders.add(hello.extensions.filter((type) => (type & 0x0f0f) !== 0x0a0a).join())
      randoms.add(hello.random.join())
    }
    assert.equal(stable.size, 1)
    assert.equal(randoms.size, 50)
    assert.ok(orders.size > 20, `${orders.size}`)
  })

  it('refuses what it does not know', () => {
    const extensions = [{ type: 'made_up' }]
    const strange = { ...SIGNATURE, hello: { ...SIGNATURE.hello, extensions } }
    assert.throws(() => browserHello(strange, seededRandom(1), false), /made_up/)
  })
})

describe('GENERATORS', () => {
  it('give 32 bytes each time, the same for the same seed', () => {
    for (const { label, start } of GENERATORS) {
      const made = () => {
        const next = start(seededRandom(5), Date.UTC(2026, 10, 21))
        return Array.from({ length: 20 }, (_, i) => [...next(i)])
      }
      const first = made()
      assert.ok(
        first.every(({ length }) => length === 32),
        label,
      )
      assert.deepEqual(made(), first, label)
    }
  })

  it('are the published ones: first outputs', () => {
    const words = (label: string, little = false) => {
      const seed = { ...seededRandom(1), bytes: () => Uint8Array.of(0, 0, 0, 1) }
      const bytes = GENERATORS.find((one) => one.label === label)?.start(seed, 0)(0)
      return new DataView(bytes?.buffer ?? new ArrayBuffer(32)).getUint32(0, little)
    }
    // srand(1), rand(): glibc and MSVC documentation; MT19937 and xorshift32 with seed 1.
    assert.equal(words('glibc rand, words'), 1_804_289_383)
    assert.equal(words('msvc rand, 16-bit words') >>> 16, 41)
    assert.equal(words('mt19937, words'), 1_791_095_845)
    assert.equal(words('xorshift32, words'), 270_369)
    // new java.util.Random(1).nextInt()
    assert.equal(words('java.util.Random, words', true) | 0, -1_155_869_325)
  })
})
