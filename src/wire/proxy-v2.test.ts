import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addressBytes,
  PROXY_SIGNATURE,
  readProxyHeader,
  TLV,
  writeProxyHeader,
} from './proxy-v2.ts'

/** From HAProxy's reg-tests/connection/proxy_protocol_tlv_validation.vtc (50872daa): 127.0.0.1, two TLVs. */
const HAPROXY = '0d0a0d0a000d0a515549540a211100147F0000017F000001002A0539'
const hex = (text: string) => Buffer.from(text, 'hex')
const header = (versionCommand: number, family: number, body: readonly number[]) =>
  Uint8Array.of(
    ...PROXY_SIGNATURE,
    versionCommand,
    family,
    body.length >> 8,
    body.length & 255,
    ...body,
  )

const v4 = fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([address, port]) => ({ address, port }))
const v6 = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(65_535))
  .map(([bytes, port]) => ({ bytes, port }))
const tlv = fc
  .tuple(fc.nat(255), fc.uint8Array({ maxLength: 100 }))
  .map(([type, value]) => ({ type, value }))
const tlvs = fc.array(tlv, { maxLength: 10 })

describe('readProxyHeader()', () => {
  it('reads the vector of HAProxy', () => {
    const read = readProxyHeader(hex(`${HAPROXY}0200053132333435`))
    assert.equal(read.kind, 'read')
    if (read.kind !== 'read') return
    assert.deepEqual(read.header.source, { address: '127.0.0.1', port: 42 })
    assert.deepEqual(read.header.destination, { address: '127.0.0.1', port: 1337 })
    assert.deepEqual(
      read.header.tlvs.map(({ type, value }) => [type, Buffer.from(value).toString()]),
      [[TLV.authority, '12345']],
    )
    assert.equal(read.bytes, 36)
  })
  it('leaves what is behind the header to the next reader', () => {
    const read = readProxyHeader(hex(`${HAPROXY}02000531323334350200053534333231`))
    assert.deepEqual([read.kind, read.kind === 'read' ? read.bytes : 0], ['read', 36])
  })
  it('refuses TLVs that are longer or shorter than the header, as HAProxy does', () => {
    assert.deepEqual(readProxyHeader(hex(`${HAPROXY}02000A31323334353132333435`)), {
      kind: 'malformed',
      field: 'tlv',
    })
    assert.deepEqual(readProxyHeader(hex(`${HAPROXY}0200043132333400`)), {
      kind: 'malformed',
      field: 'tlv',
    })
  })
  it('says which field is malformed', () => {
    const of = (bytes: Uint8Array) => {
      const read = readProxyHeader(bytes)
      return read.kind === 'malformed' ? read.field : read.kind
    }
    assert.equal(of(Buffer.from('PROXY TCP4')), 'signature')
    assert.equal(of(Buffer.from('\r\n\r\n\0\r\nQUIT\r')), 'signature')
    assert.equal(of(header(0x11, 0x11, [])), 'version')
    assert.equal(of(header(0x22, 0x11, [])), 'command')
    assert.equal(of(header(0x21, 0x51, [])), 'family')
    assert.equal(of(header(0x21, 0x13, Array(12).fill(0))), 'family')
    assert.equal(of(header(0x21, 0x11, [1, 2, 3])), 'addresses')
    assert.equal(of(Uint8Array.of(...PROXY_SIGNATURE, 0x21, 0x11, 0xff, 0xff)), 'length')
  })
  it('ignores the addresses of LOCAL, and knows none for UDP and UNIX', () => {
    for (const bytes of [
      header(0x20, 0, []),
      header(0x20, 0x11, [9, 9]),
      header(0x21, 0x12, Array(12).fill(1)),
      header(0x21, 0x31, Array(216).fill(0)),
    ]) {
      const read = readProxyHeader(bytes)
      assert.equal(read.kind, 'read')
      if (read.kind === 'read') assert.equal(read.header.source, undefined)
    }
  })
  it('reads what writeProxyHeader() writes, and is incomplete at every cut', () => {
    fc.assert(
      fc.property(v4, v4, tlvs, (source, destination, given) => {
        const bytes = writeProxyHeader(source, destination, given)
        const read = readProxyHeader(bytes)
        assert.deepEqual(read, {
          kind: 'read',
          bytes: bytes.length,
          header: { local: false, source, destination, tlvs: given },
        })
        for (let at = 0; at < bytes.length; at += 7)
          assert.equal(readProxyHeader(bytes.subarray(0, at)).kind, 'incomplete')
      }),
      { seed: 11 },
    )
  })
  it('reads every IPv6 address it writes, in a form that stays', () => {
    fc.assert(
      fc.property(v6, ({ bytes, port }) => {
        const read = readProxyHeader(
          header(0x21, 0x21, [...bytes, ...bytes, port >> 8, port & 255, 0, 0]),
        )
        assert.equal(read.kind, 'read')
        if (read.kind !== 'read' || read.header.source === undefined) return
        const { source } = read.header
        const isMapped = bytes.slice(0, 10).every((octet) => octet === 0) && bytes[10] === 255
        if (!isMapped) assert.deepEqual(addressBytes(source.address), [...bytes])
        assert.equal(source.port, port)
      }),
      { seed: 11 },
    )
  })
  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        (tail) => void readProxyHeader(Uint8Array.of(...PROXY_SIGNATURE, ...tail)),
      ),
      { seed: 11 },
    )
  })
})

describe('writeProxyHeader()', () => {
  it('writes LOCAL when an end is not known', () => {
    const one = { address: '192.0.2.1', port: 1 }
    for (const [source, destination] of [
      [undefined, one],
      [one, { address: '', port: 1 }],
    ] as const) {
      const read = readProxyHeader(writeProxyHeader(source, destination, []))
      assert.equal(read.kind === 'read' && read.header.local, true)
    }
  })
  it('writes the IPv4 side as IPv6 when the families differ', () => {
    const v4 = { address: '192.0.2.1', port: 8 }
    const v6 = { address: '2001:db8::7', port: 7 }
    for (const [source, destination] of [
      [v6, v4],
      [v4, v6],
    ]) {
      const bytes = writeProxyHeader(source, destination, [])
      assert.deepEqual([bytes[12], bytes[13], bytes.length], [0x21, 0x21, 52])
      const at = source === v4 ? 16 : 32
      const written = Buffer.from(bytes.subarray(at, at + 16)).toString('hex')
      assert.equal(written, '00000000000000000000ffffc0000201')
      const back = readProxyHeader(bytes)
      assert.ok(back.kind === 'read')
      // Who reads it sees the IPv4 address, as with a socket of both families.
      assert.deepEqual([back.header.source, back.header.destination], [source, destination])
    }
  })
  it('refuses to be longer than any reader takes', () => {
    const tlv = { type: 1, value: new Uint8Array(5000) }
    assert.throws(() => writeProxyHeader(undefined, undefined, [tlv]), RangeError)
  })
})

describe('addressBytes()', () => {
  it('reads text forms', () => {
    assert.deepEqual(addressBytes('::ffff:192.0.2.1'), [192, 0, 2, 1])
    assert.deepEqual(addressBytes('::1'), [...Array(15).fill(0), 1])
    for (const text of ['256.0.0.1', '1.2.3', '::1::', '1:2:3', '12345::', 'x', ''])
      assert.equal(addressBytes(text), undefined, text)
  })
})
