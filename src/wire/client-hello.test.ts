import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ascii,
  capturedHello,
  handshake,
  helloBody,
  helloRecord,
  record,
  u16,
  vector,
} from '../../test/fixtures/hello-bytes.ts'
import {
  type ClientHelloErrorCode,
  type ClientHelloOutcome,
  ClientHelloReader,
  HELLO_BYTES_MAX,
  HELLO_RECORDS_MAX,
} from './client-hello.ts'
import type { ClientHello } from './client-hello-message.ts'

function read(bytes: Uint8Array | readonly number[], size = bytes.length): ClientHelloOutcome {
  const reader = new ClientHelloReader()
  const all = Uint8Array.from(bytes)
  let outcome: ClientHelloOutcome = { kind: 'more' }
  for (let at = 0; at < all.length && outcome.kind === 'more'; at += size) {
    outcome = reader.feed(all.subarray(at, at + size), 1000 + at)
  }
  return outcome
}

function helloOf(outcome: ClientHelloOutcome): ClientHello {
  assert.equal(outcome.kind, 'hello')
  return outcome.hello
}

describe('ClientHelloReader on captured hellos', () => {
  it('reads Chromium: GREASE, post-quantum key share, ECH', () => {
    const bytes = capturedHello('chromium-001')
    const outcome = read(bytes)
    const hello = helloOf(outcome)
    assert.equal(hello.legacyVersion, 0x0303)
    assert.equal(hello.recordVersion, 0x0301)
    assert.equal(hello.sni, 'localhost')
    assert.deepEqual(hello.alpn, ['h2', 'http/1.1'])
    assert.deepEqual(hello.versions.slice(1), [0x0304, 0x0303])
    assert.deepEqual(hello.groups.slice(1), [0x11ec, 0x1d, 0x17, 0x18])
    assert.deepEqual(hello.keyShares.map(({ group, length }) => [group, length]).slice(1), [
      [0x11ec, 1216],
      [0x1d, 32],
    ])
    assert.equal(hello.sessionId.length, 32)
    assert.deepEqual(hello.random, bytes.subarray(11, 43))
    assert.deepEqual(hello.compressions, [0])
    assert.deepEqual(hello.pskModes, [1])
    assert.equal(hello.grease, true)
    assert.equal(hello.ech, 'outer')
    assert.equal(hello.statusRequest, true)
    assert.equal(hello.sessionTicket?.length, 0)
    assert.equal(hello.psk, undefined)
    assert.equal(hello.bytes, 1944)
    assert.equal(outcome.kind === 'hello' && outcome.consumed, 1949)
  })

  it('reads a resumption: the first ticket, whose first 16 bytes name the key', () => {
    const hello = helloOf(read(capturedHello('openssl-sclient-resume-002')))
    assert.equal(hello.extensions.at(-1), 41)
    assert.ok(hello.psk !== undefined && hello.psk.length > 16)
  })

  it('reads a hello of five records', () => {
    const whole = helloOf(read(capturedHello('openssl-sclient-001')))
    const hello = helloOf(read(capturedHello('synthetic-record-frag-001')))
    assert.equal(hello.records, 5)
    assert.deepEqual(hello.ciphers, whole.ciphers)
    assert.deepEqual(hello.extensions, whole.extensions)
  })

  it('reads a hello without extensions, as SSL 3.0 has it', () => {
    const hello = helloOf(read(helloRecord({ version: 0x0300, extensions: null })))
    assert.deepEqual(hello.extensions, [])
    assert.deepEqual(hello.versions, [])
  })
})

describe('ClientHelloReader and the ways bytes arrive', () => {
  it('gives the same hello for every size of chunk', () => {
    for (const name of ['chromium-001', 'synthetic-record-frag-001', 'nmap-ssl-enum-001']) {
      const bytes = capturedHello(name)
      const whole = helloOf(read(bytes))
      for (let size = 1; size <= bytes.length; size += size < 16 ? 1 : 97) {
        const { chunks, completedAt, ...rest } = helloOf(read(bytes, size))
        assert.equal(chunks, Math.ceil(bytes.length / size))
        assert.equal(completedAt, 1000 + (chunks - 1) * size)
        const { chunks: _, completedAt: __, ...expected } = whole
        assert.deepEqual(rest, expected)
      }
    }
  })

  it('asks for more until the last byte of the record is there', () => {
    const bytes = capturedHello('curl-openssl-001')
    assert.deepEqual(read(bytes.subarray(0, -1)), { kind: 'more' })
  })

  it('leaves what follows the record alone and says where it begins', () => {
    const bytes = capturedHello('curl-openssl-001')
    const outcome = read([...bytes, 20, 3, 3, 0, 1, 1])
    assert.equal(outcome.kind === 'hello' && outcome.consumed, bytes.length)
  })

  it('keeps views of a hello in one chunk, and copies of one in pieces', () => {
    const bytes = helloRecord()
    const views = helloOf(new ClientHelloReader().feed(bytes, 0))
    assert.equal(views.random.buffer, bytes.buffer)
    const pieces = helloOf(read(bytes, 20))
    const before = pieces.random.slice()
    bytes.fill(0)
    assert.deepEqual(pieces.random, before)
  })

  it('repeats its outcome when fed on', () => {
    const reader = new ClientHelloReader()
    const first = reader.feed(helloRecord(), 0)
    assert.equal(reader.feed(Uint8Array.of(1, 2, 3), 5), first)
    assert.equal(reader.chunks, 1)
  })

  it('reads the second hello behind change_cipher_spec and early data', () => {
    const reader = new ClientHelloReader({ afterRetry: true })
    const early = record(new Array(40).fill(7), 23, 0x0303)
    const bytes = [...record([1], 20, 0x0303), ...early, ...helloRecord()]
    const outcome = reader.feed(Uint8Array.from(bytes), 0)
    assert.equal(helloOf(outcome).records, 1)
    assert.equal(outcome.kind === 'hello' && outcome.consumed, bytes.length)
  })

  it('does not take change_cipher_spec before a first hello', () => {
    assert.deepEqual(read([...record([1], 20), ...helloRecord()]), {
      kind: 'error',
      code: 'not_tls',
    })
  })
})

const SHARE = [...u16(0x1d), ...vector(2, new Array(32).fill(9))]
const PSK = [
  ...vector(2, [...vector(2, ascii('ticket')), 0, 0, 0, 0]),
  ...vector(2, vector(1, SHARE)),
]
const hello = (...extensions: [number, number[]][]) => helloRecord({ extensions })
const body = (bytes: number[]) => Uint8Array.from(record(handshake(bytes)))

/** One input for each code of the closed set. */
const ERRORS: Readonly<Record<ClientHelloErrorCode, Uint8Array>> = {
  not_tls: Uint8Array.from(ascii('GET / HTTP/1.1\r\n\r\n')),
  sslv2_hello: capturedHello('sslscan-001'),
  bad_record_version: Uint8Array.of(22, 2, 1, 0, 4, 1, 0, 0, 0),
  empty_record: Uint8Array.of(22, 3, 1, 0, 0),
  record_overflow: Uint8Array.of(22, 3, 1, 0x40, 1),
  too_many_records: Uint8Array.from(
    Array.from({ length: HELLO_RECORDS_MAX + 1 }, (_, i) =>
      record([i === 0 || i === 2 ? 1 : 0]),
    ).flat(),
  ),
  bad_record_interleave: Uint8Array.from([...record([1, 0, 0]), ...record([2, 40], 21)]),
  not_client_hello: Uint8Array.from(record(handshake([3, 3], 2))),
  hello_too_big: Uint8Array.from(record([1, 1, 0, 0])),
  'decode:short': body([3, 3, 1, 2]),
  'decode:session_id_length': body([3, 3, ...new Array(32).fill(0), 33, ...new Array(40).fill(0)]),
  'decode:cipher_suites_length': helloRecord({ ciphers: [] }),
  'decode:compression_methods_length': helloRecord({ compressions: [] }),
  'decode:extensions_length': body([...helloBody({ extensions: null }), 0, 9]),
  'decode:extension_length': body([
    ...helloBody({ extensions: null }),
    ...vector(2, [0, 23, 0, 1]),
  ]),
  duplicate_extension: hello([23, []], [23, []]),
  psk_not_last: hello([41, PSK], [45, [1, 1]]),
  ext_server_name: hello([0, [0, 4, 0, 0, 9, 65]]),
  ext_status_request: hello([5, []]),
  ext_supported_groups: hello([10, [0, 3, 0, 29, 0]]),
  ext_signature_algorithms: hello([13, []]),
  ext_alpn: hello([16, vector(2, [...vector(1, ascii('h2')), 0])]),
  ext_pre_shared_key: hello([41, [0, 0, 0, 0]]),
  ext_early_data: hello([42, [0]]),
  ext_supported_versions: hello([43, [3, 3, 4, 3]]),
  ext_psk_key_exchange_modes: hello([45, [2, 1]]),
  ext_post_handshake_auth: hello([49, [1]]),
  ext_signature_algorithms_cert: hello([50, [0, 0]]),
  ext_key_share: hello([51, vector(2, [0, 29, 0, 0])]),
  ext_encrypted_client_hello: hello([0xfe0d, [2]]),
}

describe('ClientHelloReader errors', () => {
  for (const [code, bytes] of Object.entries(ERRORS)) {
    it(`says ${code}, however the bytes are cut`, () => {
      for (const size of [bytes.length, 1, 2, 3, 7]) {
        const outcome = read(bytes, size)
        assert.equal(outcome.kind === 'error' ? outcome.code : outcome.kind, code)
      }
    })
  }

  it('says psk_not_last only when a well-formed one is not last', () => {
    assert.equal(read(hello([45, [1, 1]], [41, PSK])).kind, 'hello')
  })

  it('hands out what could be read of a malformed hello', () => {
    const outcome = read(hello([0, vector(2, [0, ...vector(2, ascii('a.test'))])], [43, []]))
    assert.ok(outcome.kind === 'error' && outcome.code === 'ext_supported_versions')
    assert.equal(outcome.hello?.sni, 'a.test')
    assert.deepEqual(outcome.hello?.extensions, [0, 43])
  })

  it('judges Not TLS by the first byte', () => {
    assert.deepEqual(read([0x47]), { kind: 'error', code: 'not_tls' })
  })

  it('refuses names that cannot be host names', () => {
    const named = (name: number[]) => hello([0, vector(2, [0, ...vector(2, name)])])
    for (const name of [[], ascii('a\0b'), new Array(256).fill(97)]) {
      const outcome = read(named(name))
      assert.equal(outcome.kind === 'error' && outcome.code, 'ext_server_name')
    }
    assert.equal(helloOf(read(named(new Array(255).fill(97)))).sni.length, 255)
  })

  it('takes a hello of the largest size, not one byte more', () => {
    const pad = (bytes: number) => {
      const without = handshake(helloBody({ extensions: [[21, []]] })).length
      return handshake(helloBody({ extensions: [[21, new Array(bytes - without).fill(0)]] }))
    }
    const cut = (message: readonly number[]) => {
      const records: number[] = []
      for (let at = 0; at < message.length; at += 16384) {
        records.push(...record(message.slice(at, at + 16384)))
      }
      return records
    }
    // The lists' own lengths have 16 bits: the header and the random fit above them.
    const largest = pad(HELLO_BYTES_MAX - 4)
    assert.equal(helloOf(read(cut(largest))).bytes, HELLO_BYTES_MAX - 4)
    const announced = [1, ...u16((HELLO_BYTES_MAX - 3) >> 8), (HELLO_BYTES_MAX - 3) & 255]
    assert.deepEqual(read(record(announced)), { kind: 'error', code: 'hello_too_big' })
  })
})
