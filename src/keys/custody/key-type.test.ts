import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SCHEME } from '../../wire/share-record.ts'
import { schemeOf } from './key-label.ts'
import {
  DEFAULT_KEY_TYPE,
  isKeyType,
  KEY_TYPES,
  type KeyOperation,
  type KeyType,
  makingOf,
  wayOf,
} from './key-type.ts'

const TYPES = Object.keys(KEY_TYPES) as KeyType[]
const OPERATIONS: readonly KeyOperation[] = ['encrypt', 'decrypt', 'sign', 'verify', 'hmac']

describe('wayOf()', () => {
  it('is as issue and documentation say', () => {
    const ways = TYPES.map((type) => [type, ...OPERATIONS.map((one) => wayOf(type, one) ?? '-')])
    assert.deepEqual(
      ways.map((row) => row.join(' ')),
      [
        'ristretto255-hpke here together - - -',
        'derive together together - - -',
        'ed25519 - - together here -',
        'aes256-gcm96 assembled assembled - - -',
        'hmac - - - assembled assembled',
        'ecdsa-p256 - - assembled here -',
        'rsa-2048 - - assembled here -',
        'rsa-4096 - - assembled here -',
      ],
    )
  })

  it('says assembled for octets alone, and for all that needs them', () => {
    for (const type of TYPES) {
      const isOctets = schemeOf(KEY_TYPES[type].use) === SCHEME.octets
      assert.equal(makingOf(type), isOctets ? 'dealt' : 'together')
      const ways = OPERATIONS.map((one) => wayOf(type, one))
      assert.equal(ways.includes('assembled'), isOctets, type)
      assert.equal(ways.includes('together'), !isOctets, type)
    }
  })

  it('has a default that nobody ever has', () => {
    assert.equal(makingOf(DEFAULT_KEY_TYPE), 'together')
  })
})

describe('isKeyType()', () => {
  it('knows types, and no names of objects', () => {
    assert.ok(TYPES.every(isKeyType))
    for (const other of ['', 'toString', '__proto__', 'AES256-GCM96']) assert.ok(!isKeyType(other))
  })
})
