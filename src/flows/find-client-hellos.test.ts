import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ecb, gcm } from '@noble/ciphers/aes.js'
import {
  ACK,
  dtlsRecord,
  ethernet,
  ipv4,
  ipv6,
  SYN,
  tcp,
  udp,
} from '../../test/fixtures/capture-bytes.ts'
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
import { clientInitialKeys } from '../crypto/quic-initial.ts'
import { ClientHelloFinder, type FoundHello } from './find-client-hellos.ts'

const RAW = 101
const CURL = [...capturedHello('curl-openssl-001')]
const CURL_JA4 = 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6'

function find(packets: readonly (readonly number[])[], linkType = RAW): FoundHello[] {
  const finder = new ClientHelloFinder()
  const found = packets.flatMap((bytes, i) =>
    finder.add({ linkType, at: 1000 + i, bytes: Uint8Array.from(bytes) }),
  )
  return [...found, ...finder.end()]
}

/** One connection: a SYN, then segments. */
function connection(...segments: readonly (readonly number[])[]): number[][] {
  let sequence = 101
  const data = segments.map((bytes) => {
    const packet = ipv4(6, tcp(sequence, bytes))
    sequence += bytes.length
    return packet
  })
  return [ipv4(6, tcp(100, [], SYN)), ...data]
}

const ja4s = (found: readonly FoundHello[]) => found.map((hello) => hello.fingerprint.ja4)

describe('ClientHelloFinder over TCP', () => {
  it('says who sent the hello to whom', () => {
    const [hello] = find(connection(CURL))
    assert.ok(hello !== undefined)
    const { source, sourcePort, destination, destinationPort, stream, nth, transport } = hello
    assert.deepEqual([source, sourcePort], ['192.0.2.1', 50000])
    assert.deepEqual([destination, destinationPort], ['192.0.2.2', 443])
    assert.deepEqual([transport, stream, nth, hello.at], ['t', 0, 1, 1001])
    assert.equal(hello.fingerprint.ja4, CURL_JA4)
  })

  it('puts segments in order, retransmissions and all', () => {
    const [syn, a, b, c] = connection(CURL.slice(0, 100), CURL.slice(100, 300), CURL.slice(300))
    for (const order of [
      [syn, c, b, a],
      [syn, a, a, c, b, b],
      [a, b, c],
    ]) {
      const found = find(order.flatMap((packet) => (packet === undefined ? [] : [packet])))
      assert.deepEqual(ja4s(found), [CURL_JA4])
      assert.equal(found[0]?.hello.chunks, 3)
    }
  })

  it('finds the second hello after a HelloRetryRequest', () => {
    const ccs = record([1], 20, 0x0303)
    const found = find(connection(CURL, [...ccs, ...helloRecord()], record([9], 23)))
    assert.deepEqual(
      found.map((hello) => hello.nth),
      [1, 2],
    )
  })

  it('does not take the rest of a handshake for hellos', () => {
    const finished = record(new Array(40).fill(1), 22, 0x0303)
    assert.equal(
      find(connection(CURL, record([1], 20), finished, helloRecord().length ? CURL : [])).length,
      1,
    )
  })

  for (const [name, before] of [
    ['CONNECT', ascii('CONNECT a.test:443 HTTP/1.1\r\n\r\n')],
    ['SOCKS 5', [5, 1, 0]],
    ['STARTTLS', ascii('STARTTLS\r\n')],
    ['a PROXY v1 header', ascii('PROXY TCP4 192.0.2.9 192.0.2.1 1 2\r\n')],
  ] as const) {
    it(`finds it behind ${name}`, () => {
      assert.deepEqual(ja4s(find(connection([...before], CURL))), [CURL_JA4])
    })
  }

  it('finds it behind a PROXY header in the same segment', () => {
    const v2 = [...ascii('\r\n\r\n\0\r\nQUIT\n'), 0x21, 0x11, ...vector(2, new Array(12).fill(1))]
    assert.deepEqual(ja4s(find(connection([...v2, ...CURL]))), [CURL_JA4])
    const v1 = ascii('PROXY UNKNOWN\r\n')
    assert.deepEqual(ja4s(find(connection([...v1, ...CURL]))), [CURL_JA4])
  })

  it('does not look inside of what another protocol carries', () => {
    const upload = [...ascii('POST /capture HTTP/1.1\r\n\r\n'), ...CURL]
    assert.deepEqual(find(connection(upload)), [])
  })

  it('counts a new connection on the same ports on', () => {
    const again = [
      ipv4(6, tcp(7000, [], SYN)),
      ipv4(6, tcp(7001, [...capturedHello('chromium-001')])),
    ]
    const found = find([...connection(CURL, record([0], 23)), ...again])
    assert.deepEqual(
      found.map(({ nth, stream }) => [nth, stream]),
      [
        [1, 0],
        [2, 0],
      ],
    )
  })

  it('finds a hello behind lost segments', () => {
    const [syn, , lost, hello] = connection([5, 1, 0], [9, 9, 9], CURL)
    assert.ok(syn !== undefined && lost !== undefined && hello !== undefined)
    assert.deepEqual(ja4s(find([syn, hello])), [CURL_JA4])
  })

  it('shows malformed hellos as far as they can be read', () => {
    const bytes = [...helloRecord({ extensions: [[0, []]] })]
    const [hello] = find(connection(bytes))
    assert.equal(hello?.error, 'ext_server_name')
    assert.equal(hello?.fingerprint.ja4, 't12d010100_0f2cb44170f4_000000000000')
  })
})

describe('ClientHelloFinder with many hellos that are not whole', () => {
  /** The i-th client's. */
  const from = (i: number, packet: readonly number[]): Uint8Array => {
    const bytes = Uint8Array.from(packet)
    new DataView(bytes.buffer).setUint32(12, 0x0a_00_00_00 + i)
    return bytes
  }
  const add = (finder: ClientHelloFinder, bytes: Uint8Array) =>
    finder.add({ linkType: RAW, at: 1, bytes })

  it('holds little of beginnings, however they are cut', () => {
    const pieces = [CURL.slice(0, 1), CURL.slice(1, 3), CURL.slice(3, 9), CURL.slice(9)]
    const begun = connection(...pieces.slice(0, 3))
    const finder = new ClientHelloFinder()
    for (let i = 0; i < 50_000; i++)
      for (const packet of begun) assert.equal(add(finder, from(i, packet)).length, 0)
    assert.equal(finder.forgotten, 0)
    const last = connection(...pieces).at(-1) ?? []
    const [hello] = add(finder, from(0, last))
    assert.deepEqual([hello?.fingerprint.ja4, hello?.hello.chunks], [CURL_JA4, 4])
  })

  it('gives up those that have held most time for more, says how many, and takes whole ones still', () => {
    const finder = new ClientHelloFinder()
    // Two records, the second not whole: the reader has its page.
    const half = [...record([1, 0, 2], 22), ...record([0, 3], 22).slice(0, 6)]
    const begun = connection(half).map((packet) => Uint8Array.from(packet))
    const began = performance.now()
    for (let i = 0; i < 30_000; i++) for (const packet of begun) add(finder, from(i, [...packet]))
    assert.ok(finder.forgotten > 1_000 && finder.forgotten < 10_000, String(finder.forgotten))
    assert.ok(performance.now() - began < 20_000)
    const whole = connection(CURL).flatMap((packet) => add(finder, from(40_000, packet)))
    assert.deepEqual(ja4s(whole), [CURL_JA4])
    // A new connection on the ports of one that was given up.
    const again = [ipv4(6, tcp(900, [], SYN)), ipv4(6, tcp(901, CURL))]
    assert.deepEqual(ja4s(again.flatMap((packet) => add(finder, from(0, packet)))), [CURL_JA4])
  })

  it('follows so many at a time, in time that does not grow with those before', () => {
    const finder = new ClientHelloFinder()
    const begun = ipv4(6, tcp(1, CURL.slice(0, 7)))
    const began = performance.now()
    for (let i = 0; i < 200_000; i++) add(finder, from(i, begun))
    assert.equal(finder.forgotten, 200_000 - 65_536)
    assert.ok(performance.now() - began < 15_000)
  })
})

describe('ClientHelloFinder in tunnels', () => {
  const inner = ipv4(6, tcp(1, CURL, ACK))
  const inEthernet = ethernet(0x0800, inner)
  for (const [name, outer] of [
    ['IP in IP', ipv4(4, inner)],
    ['IPv4 in IPv6', ipv6(4, inner)],
    ['GRE', ipv4(47, [0, 0, 8, 0, ...inner])],
    ['GRE with key and Ethernet', ipv4(47, [0x20, 0, 0x65, 0x58, 0, 0, 0, 1, ...inEthernet])],
    [
      'ERSPAN II',
      ipv4(47, [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, ...new Array(8).fill(0), ...inEthernet]),
    ],
    ['VXLAN', ipv4(17, udp([8, 0, 0, 0, 0, 0, 1, 0, ...inEthernet], { to: 4789 }))],
    ['GENEVE', ipv4(17, udp([0, 0, 0x65, 0x58, 0, 0, 1, 0, ...inEthernet], { to: 6081 }))],
    ['GTP-U', ipv4(17, udp([0x30, 255, ...u16(inner.length), 0, 0, 0, 1, ...inner], { to: 2152 }))],
    ['Teredo', ipv4(17, udp(ipv6(6, tcp(1, CURL)), { to: 3544 }))],
  ] as const) {
    it(`opens ${name}`, () => assert.deepEqual(ja4s(find([outer])), [CURL_JA4]))
  }
})

describe('ClientHelloFinder over DTLS', () => {
  const withCookie = (cookie: number[]) => {
    const body = helloBody({ version: 0xfefd, ciphers: [0xc02b, 0xc02f] })
    return [...body.slice(0, 35), ...vector(1, cookie), ...body.slice(35)]
  }
  const datagram = (bytes: readonly number[]) => ipv4(17, udp(bytes))

  it('reads both hellos around a HelloVerifyRequest, retransmissions left out', () => {
    const first = datagram(dtlsRecord(withCookie([])))
    const second = datagram(dtlsRecord(withCookie([1, 2, 3, 4]), { sequence: 1 }))
    const found = find([first, first, second])
    assert.deepEqual(
      found.map(({ transport, nth, fingerprint }) => [transport, nth, fingerprint.ja4]),
      [
        ['d', 1, 'dd2i020000_b6f57f3be927_000000000000'],
        ['d', 2, 'dd2i020000_b6f57f3be927_000000000000'],
      ],
    )
  })

  it('puts fragments of a hello together', () => {
    const body = withCookie([7])
    const pieces = [dtlsRecord(body, { from: 20 }), dtlsRecord(body, { from: 0, to: 20 })]
    assert.equal(find(pieces.map(datagram)).length, 1)
  })
})

/** A QUIC v1 Initial with frames, sealed as a client does it (RFC 9001 section 5). */
function initial(id: readonly number[], number: number, frames: readonly number[]): number[] {
  const keys = clientInitialKeys(1, Uint8Array.from(id))
  assert.ok(keys !== undefined)
  const head = [0xc0, 0, 0, 0, 1, ...vector(1, id), 0, 0]
  const length = frames.length + 1 + 16
  const header = [...head, 0x40 | (length >> 8), length & 255, number]
  const nonce = keys.iv.slice()
  nonce[11] = (nonce[11] ?? 0) ^ number
  const aad = Uint8Array.from(header)
  const sealed = gcm(keys.key, nonce, aad).encrypt(Uint8Array.from(frames))
  const sample = sealed.subarray(3, 19)
  const mask = ecb(keys.headerProtection, { disablePadding: true }).encrypt(sample)
  header[0] = 0xc0 ^ ((mask[0] ?? 0) & 0x0f)
  header[header.length - 1] = number ^ (mask[1] ?? 0)
  return [...header, ...sealed]
}

const crypto = (offset: number, bytes: readonly number[]) => [
  6,
  0x40 | (offset >> 8),
  offset & 255,
  0x40 | (bytes.length >> 8),
  bytes.length & 255,
  ...bytes,
]

describe('ClientHelloFinder over QUIC', () => {
  const ID = [1, 2, 3, 4, 5, 6, 7, 8]
  const alpn: [number, number[]] = [16, vector(2, vector(1, ascii('h3')))]
  const message = handshake(helloBody({ extensions: [alpn, [43, [2, 3, 4]]] }))
  const padding = new Array(30).fill(0)
  const datagram = (bytes: readonly number[]) => ipv4(17, udp(bytes))

  it('reads a hello in one Initial', () => {
    const [hello] = find([datagram(initial(ID, 0, [...crypto(0, message), ...padding]))])
    assert.equal(hello?.transport, 'q')
    assert.match(hello?.fingerprint.ja4 ?? '', /^q13i0102h3_/)
  })

  it('puts CRYPTO frames of several packets together, in any order, with PING and ACK between', () => {
    const ack = [2, 5, 0, 0, 0]
    const late = initial(ID, 1, [1, ...crypto(40, message.slice(40)), ...padding])
    const early = initial(ID, 0, [
      ...ack,
      ...crypto(20, message.slice(20, 60)),
      ...crypto(0, message.slice(0, 20)),
    ])
    assert.equal(find([datagram(late), datagram(early)]).length, 1)
    // Coalesced in one datagram, and sent again later.
    assert.equal(find([datagram([...late, ...early]), datagram(early)]).length, 1)
  })

  it('is not disturbed by what only looks like QUIC', () => {
    const broken = initial(ID, 0, [...crypto(0, message), ...padding])
    broken[60] = (broken[60] ?? 0) ^ 1
    assert.deepEqual(
      find([datagram(broken), datagram(new Array(50).fill(0xff)), datagram([0xc0])]),
      [],
    )
  })
})
