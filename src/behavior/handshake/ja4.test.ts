import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello } from '../../../test/fixtures/hello-bytes.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { JA4_CACHE_ENTRIES_MAX, type Ja4Input, ja4 } from './ja4.ts'

function hello(name: string): ClientHello {
  const outcome = new ClientHelloReader().feed(capturedHello(name), 0)
  assert.equal(outcome.kind, 'hello')
  return outcome.hello
}

/** The example of JA4.md. */
const EXAMPLE: Ja4Input = {
  legacyVersion: 0x0303,
  ciphers: [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
  ],
  extensions: [
    0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
    0xff01, 0x000b, 0x000a, 0x0015,
  ],
  alpn: ['h2', 'http/1.1'],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  versions: [0x0304, 0x0303],
}

describe('ja4() by JA4.md', () => {
  it('computes the example, hashed and raw', () => {
    const { ja4: hashed, raw } = ja4(EXAMPLE, 't')
    assert.equal(hashed, 't13d1516h2_8daaf6152771_e5627efa2ab1')
    assert.equal(
      raw,
      't13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_' +
        '0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_' +
        '0403,0804,0401,0503,0805,0501,0806,0601',
    )
  })

  it('ends the last part without an underscore when there are no signature algorithms', () => {
    const { ja4: hashed, raw } = ja4({ ...EXAMPLE, signatureAlgorithms: [] }, 't')
    assert.equal(hashed, 't13d1516h2_8daaf6152771_6d807ffa2a79')
    assert.ok(raw.endsWith('4469,ff01'))
  })

  it('ignores GREASE wherever it stands', () => {
    const greased: Ja4Input = {
      ...EXAMPLE,
      ciphers: [0x2a2a, ...EXAMPLE.ciphers],
      extensions: [0x0a0a, ...EXAMPLE.extensions, 0xfafa],
      signatureAlgorithms: [0x3a3a, ...EXAMPLE.signatureAlgorithms],
      versions: [0xdada, ...EXAMPLE.versions],
    }
    assert.deepEqual(ja4(greased, 't'), ja4(EXAMPLE, 't'))
  })

  it('counts up to 99 and says 000000000000 for nothing', () => {
    const many = Array.from({ length: 120 }, (_, i) => 0x4000 + i)
    const full = ja4({ ...EXAMPLE, ciphers: many, extensions: many.slice(0, 100) }, 't')
    assert.match(full.ja4, /^t13i9999h2_/)
    const none = { ...EXAMPLE, ciphers: [], extensions: [], alpn: [], versions: [] }
    assert.equal(ja4(none, 't').ja4, 't12i000000_000000000000_000000000000')
    const named = { ...EXAMPLE, extensions: [0, 16], signatureAlgorithms: [0x0403] }
    assert.equal(ja4(named, 't').ja4.split('_')[2], '000000000000')
  })

  for (const [version, code] of [
    [0x0304, '13'],
    [0x0303, '12'],
    [0x0302, '11'],
    [0x0301, '10'],
    [0x0300, 's3'],
    [0x0002, 's2'],
    [0xfeff, 'd1'],
    [0xfefd, 'd2'],
    [0xfefc, 'd3'],
    [0x0305, '00'],
  ] as const) {
    it(`writes version 0x${version.toString(16)} as ${code}`, () => {
      const input = { ...EXAMPLE, legacyVersion: version, versions: [] }
      assert.equal(ja4(input, 't').ja4.slice(1, 3), code)
    })
  }

  it('takes the highest of the supported versions; in DTLS that is the lowest number', () => {
    assert.equal(ja4({ ...EXAMPLE, versions: [0x0302, 0x0304, 0x0303] }, 't').ja4.slice(1, 3), '13')
    assert.equal(ja4({ ...EXAMPLE, versions: [0xfefd, 0xfefc] }, 'd').ja4.slice(0, 3), 'dd3')
  })

  it('names the transport first', () => {
    assert.equal(ja4(EXAMPLE, 'q').ja4, 'q13d1516h2_8daaf6152771_e5627efa2ab1')
  })

  // The examples of section "ALPN Extension Value"; above 127 as the authors' tools write them.
  for (const [bytes, code] of [
    [[], '00'],
    [[0x68, 0x32], 'h2'],
    [[0x78], 'xx'],
    [[0xab], '99'],
    [[0x20], '20'],
    [[0xab, 0xcd], '99'],
    [[0x20, 0x61], '21'],
    [[0x30, 0xab], '09'],
    [[0x61, 0x20], '60'],
    [[0x30, 0x31, 0xab, 0xcd], '09'],
    [[0x30, 0xab, 0xcd, 0x31], '01'],
  ] as const) {
    it(`writes a first protocol of ${JSON.stringify(bytes)} as ${code}`, () => {
      const alpn = [String.fromCharCode(...bytes), 'http/1.1']
      assert.equal(ja4({ ...EXAMPLE, alpn }, 't').ja4.slice(8, 10), code)
    })
  }
})

describe('ja4() of real clients', () => {
  for (const [name, expected] of [
    // 8daaf6152771 is the published value of Chrome, e8f1e7e78f70 that of curl with OpenSSL 3.
    ['chromium-001', 't13d1517h2_8daaf6152771_cb7bf5808d99'],
    ['chromium-002', 't13d1517h2_8daaf6152771_cb7bf5808d99'],
    ['curl-openssl-001', 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6'],
    ['curl-openssl-tls12-001', 't12d2807h2_d943125447b4_a44c6288192a'],
    ['openssl-sclient-001', 't13d311000_e8f1e7e78f70_1f22a2ca17c4'],
    ['openssl-sclient-tls10-001', 't10i090500_c491f621fb4c_195413a0cc0f'],
    ['node24-https-001', 't13d521100_b262b3658495_8e6e362c5eac'],
    ['go-nethttp-001', 't13d190900_9dc949149365_97f8aa674fd9'],
    ['gnutls-cli-001', 't13d291300_723694b0fccc_2cc26d266019'],
    ['nmap-ssl-enum-003', 't13i130500_f6a34bea2645_193c2c6852e3'],
    ['sslscan-003', 't10d990500_87ce778b49c2_f5b46616e359'],
  ] as const) {
    it(`is ${expected} for ${name}`, () => assert.equal(ja4(hello(name), 't').ja4, expected))
  }
})

describe('the stable form', () => {
  it('is the same for a fresh and a resumed hello of one client', () => {
    const fresh = ja4(hello('openssl-sclient-resume-001'), 't')
    const resumed = ja4(hello('openssl-sclient-resume-002'), 't')
    assert.notEqual(fresh.ja4, resumed.ja4)
    assert.equal(fresh.stable, resumed.stable)
    assert.equal(fresh.stable, fresh.ja4)
  })

  it('leaves out padding, early data and the cookie of a second hello too', () => {
    const later = { ...EXAMPLE, extensions: [...EXAMPLE.extensions, 42, 44, 41] }
    const unpadded = { ...EXAMPLE, extensions: EXAMPLE.extensions.filter((type) => type !== 21) }
    assert.equal(ja4(later, 't').stable, ja4(EXAMPLE, 't').stable)
    assert.equal(ja4(unpadded, 't').stable, ja4(EXAMPLE, 't').stable)
    assert.equal(ja4(unpadded, 't').stable, ja4(unpadded, 't').ja4)
  })
})

describe('the cache', () => {
  it('never changes the answer, also when it overflows', () => {
    const before = ja4(EXAMPLE, 't')
    for (let i = 0; i <= JA4_CACHE_ENTRIES_MAX; i++) {
      ja4({ ...EXAMPLE, ciphers: [0x1301, i & 0xff, i >> 8] }, 't')
    }
    assert.deepEqual(ja4(EXAMPLE, 't'), before)
  })

  it('is passed by for lists no honest hello has', () => {
    const ciphers = Array.from({ length: 2000 }, (_, i) => 0x4000 + i)
    assert.match(ja4({ ...EXAMPLE, ciphers }, 't').ja4, /^t13d9916h2_/)
  })
})
