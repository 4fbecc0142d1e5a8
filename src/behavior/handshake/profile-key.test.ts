import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addressGroup, groupOf, newProfileKeys, PROFILE_IDS_MAX, profileId } from './profile-key.ts'

describe('addressGroup()', () => {
  it('is the /24 of IPv4 and the /48 of IPv6', () => {
    for (const [address, group] of [
      ['192.0.2.7', '192.0.2.0/24'],
      ['::ffff:192.0.2.7', '192.0.2.0/24'],
      ['2001:db8:1:2::7', '2001:db8:1::/48'],
      ['2001:0db8:0001:ffff:1:2:3:4', '2001:db8:1::/48'],
      ['2001:db8::7', '2001:db8:0::/48'],
      ['::1', '0:0:0::/48'],
      ['fe80::1%eth0', 'fe80:0:0::/48'],
    ] as const) {
      assert.equal(addressGroup(address), group)
    }
  })

  it('gives one group to all addresses of a network', () => {
    const byte = fc.nat(255)
    fc.assert(
      fc.property(byte, byte, byte, byte, byte, (a, b, c, d, e) => {
        assert.equal(addressGroup(`${a}.${b}.${c}.${d}`), addressGroup(`${a}.${b}.${c}.${e}`))
        assert.equal(
          addressGroup(`2001:${a}:${b}::${d}`),
          addressGroup(`2001:${a}:${b}:${c}::${e}`),
        )
      }),
      { seed: 20261122 },
    )
  })
})

describe('profileId()', () => {
  const key = new Uint8Array(16).fill(1)

  it('is 16 hex digits that depend on the key and on each part', () => {
    const id = (bytes: Uint8Array, ...parts: [string, string, string]) =>
      profileId(newProfileKeys(bytes), ...parts)
    const ids = [
      id(key, 't13', '', '192.0.2.0/24'),
      id(key, 't12', '', '192.0.2.0/24'),
      id(key, 't13', 'dripped', '192.0.2.0/24'),
      id(key, 't13', '', '192.0.3.0/24'),
      id(new Uint8Array(16), 't13', '', '192.0.2.0/24'),
    ]
    for (const one of ids) assert.match(one, /^[0-9a-f]{16}$/)
    assert.equal(new Set(ids).size, ids.length)
    assert.equal(id(key, 't13', '', '192.0.2.0/24'), ids[0])
  })

  it('remembers a bounded number', () => {
    const keys = newProfileKeys(key)
    for (let i = 0; i < PROFILE_IDS_MAX + 10; i++)
      groupOf(keys, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    assert.ok(keys.groups.size <= PROFILE_IDS_MAX)
  })

  it('refuses a short key', () => {
    assert.throws(() => newProfileKeys(new Uint8Array(15)), RangeError)
  })
})
