import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ethernet, ipv4, ipv6 } from '../../test/fixtures/capture-bytes.ts'
import { IpFragments } from './ip-fragments.ts'
import { formatIpv6, type IpPacket, readIpPacket } from './ip-packet.ts'
import { findIpPacket } from './link-layer.ts'

const PAYLOAD = [1, 2, 3, 4, 5, 6, 7, 8]
const IP = ipv4(6, PAYLOAD)

function read(bytes: readonly number[]): IpPacket {
  const packet = readIpPacket(Uint8Array.from(bytes), 0)
  assert.ok(packet !== undefined)
  return packet
}

describe('readIpPacket()', () => {
  it('reads IPv4, and passes options over', () => {
    for (const options of [[], [1, 1, 1, 1, 0, 0, 0, 0]]) {
      const packet = read(ipv4(17, PAYLOAD, options))
      assert.equal(packet.source, '192.0.2.1')
      assert.equal(packet.destination, '192.0.2.2')
      assert.equal(packet.protocol, 17)
      assert.deepEqual([...packet.payload], PAYLOAD)
    }
  })

  it('leaves the padding of short Ethernet frames out', () => {
    assert.deepEqual([...read([...IP, 0, 0, 0]).payload], PAYLOAD)
  })

  it('takes all there is when the length is 0, as with segmentation offload', () => {
    const bytes = ipv4(6, PAYLOAD)
    bytes.splice(2, 2, 0, 0)
    assert.deepEqual([...read(bytes).payload], PAYLOAD)
  })

  it('reads IPv6 behind extension headers', () => {
    const destinationOptions = [6, 0, 1, 4, 0, 0, 0, 0]
    const packet = read(ipv6(6, PAYLOAD, destinationOptions))
    assert.equal(packet.source, '2001:db8::1')
    assert.equal(packet.protocol, 6)
    assert.deepEqual([...packet.payload], PAYLOAD)
  })

  it('is undefined when the header is cut off', () => {
    assert.equal(readIpPacket(Uint8Array.from(IP.slice(0, 12)), 0), undefined)
    assert.equal(readIpPacket(new Uint8Array(0), 0), undefined)
  })
})

it('formatIpv6() writes as RFC 5952 wants it', () => {
  for (const [groups, text] of [
    [[0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], '2001:db8::1'],
    [[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], '2001:db8:0:1:1:1:1:1'],
    [[0x2001, 0, 0, 1, 0, 0, 0, 1], '2001:0:0:1::1'],
    [[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], '2001:db8::1:0:0:1'],
    [[0, 0, 0, 0, 0, 0, 0, 0], '::'],
    [[0, 0, 0, 0, 0, 0, 0, 1], '::1'],
    [[0xfe80, 0, 0, 0, 0, 0, 0, 0], 'fe80::'],
  ] as const) {
    const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]))
    assert.equal(formatIpv6(bytes, 0), text)
  }
})

describe('IpFragments', () => {
  const fragment = (offset: number, payload: number[], more: boolean) => {
    const bytes = ipv4(6, payload)
    bytes.splice(6, 2, (more ? 0x20 : 0) | (offset >> 11), (offset >> 3) & 255)
    return read(bytes)
  }
  const first = fragment(0, PAYLOAD, true)
  const last = fragment(8, [9, 10], false)

  for (const [order, pieces] of [
    ['in order', [first, last]],
    ['in reverse', [last, first]],
    ['with one twice', [first, first, last]],
  ] as const) {
    it(`puts fragments together ${order}`, () => {
      const fragments = new IpFragments()
      const whole = pieces.map((piece) => fragments.add(piece)).at(-1)
      assert.deepEqual([...(whole?.payload ?? [])], [...PAYLOAD, 9, 10])
      assert.equal(whole?.fragment, undefined)
    })
  }

  it('forgets the oldest of too many unfinished packets', () => {
    const fragments = new IpFragments()
    fragments.add(first)
    for (let i = 0; i < 256; i++) {
      fragments.add({ ...last, fragment: { key: `other ${i}`, offset: 8, last: true } })
    }
    assert.equal(fragments.add(last), undefined)
  })
})

describe('findIpPacket()', () => {
  const llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
  const zeros = (n: number) => new Array<number>(n).fill(0)
  const radiotap = [0, 0, 8, 0, 0, 0, 0, 0]
  const wifi = [0x88, 0x01, ...zeros(24), ...llc, ...IP]
  for (const [name, linkType, frame] of [
    ['Ethernet', 1, ethernet(0x0800, IP)],
    ['VLAN', 1, ethernet(0x8100, [0, 5, 8, 0, ...IP])],
    ['QinQ', 1, ethernet(0x88a8, [0, 5, 0x81, 0, 0, 6, 8, 0, ...IP])],
    ['802.3 with SNAP', 1, ethernet(IP.length + 8, [...llc, ...IP])],
    ['MPLS', 1, ethernet(0x8847, [0, 1, 0, 64, 0, 2, 1, 64, ...IP])],
    ['PPPoE', 1, ethernet(0x8864, [0x11, 0, 0, 1, 0, 30, 0, 0x21, ...IP])],
    ['NULL', 0, [2, 0, 0, 0, ...IP]],
    ['LOOP', 108, [0, 0, 0, 2, ...IP]],
    ['RAW', 101, IP],
    ['RAW with IPv6', 12, ipv6(6, PAYLOAD)],
    ['IPV4', 228, IP],
    ['PPP', 9, [0xff, 3, 0, 0x21, ...IP]],
    ['C_HDLC', 104, [0x0f, 0, 8, 0, ...IP]],
    ['LINUX_SLL', 113, [...zeros(14), 8, 0, ...IP]],
    ['LINUX_SLL with VLAN', 113, [...zeros(14), 0x81, 0, 0, 5, 8, 0, ...IP]],
    ['LINUX_SLL2', 276, [8, 0, ...zeros(18), ...IP]],
    ['IEEE 802.11 with QoS', 105, wifi],
    ['radiotap', 127, [...radiotap, ...wifi]],
  ] as const) {
    it(`finds IP in ${name}`, () => {
      const bytes = Uint8Array.from(frame)
      const at = findIpPacket(linkType, bytes)
      assert.ok(at !== undefined)
      assert.deepEqual([...(readIpPacket(bytes, at)?.payload ?? [])], PAYLOAD)
    })
  }

  it('is undefined for ARP, encrypted Wi-Fi and link types it does not know', () => {
    assert.equal(findIpPacket(1, Uint8Array.from(ethernet(0x0806, zeros(28)))), undefined)
    assert.equal(findIpPacket(105, Uint8Array.from([0x88, 0x41, ...wifi.slice(2)])), undefined)
    assert.equal(findIpPacket(195, Uint8Array.from(IP)), undefined)
  })
})
