import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Affinity, type KeyPlacer } from './affinity.ts'

const NAME = '__Host-limen'
const KEY = new Uint8Array(32).fill(7)
let drawn = 0
const affinity = (key = KEY) => new Affinity(key, (length) => new Uint8Array(length).fill(++drawn))
const ANYWHERE: KeyPlacer = { stays: () => true, choose: () => () => true }
const issuedBy = (from: Affinity, placer = ANYWHERE): string =>
  /=([^;]+);/.exec(from.read(NAME, '', placer).issue?.toString() ?? '')?.[1] ?? ''

describe('Affinity.read()', () => {
  it('issues a cookie that only this host gets back, over TLS, out of reach of scripts', () => {
    assert.match(
      affinity().read(NAME, '', ANYWHERE).issue?.toString() ?? '',
      /^Set-Cookie: __Host-limen=[\w-]{32}; Path=\/; Secure; HttpOnly; SameSite=Lax\r\n$/,
    )
  })
  it('knows its own again, on every worker, wherever it stands', () => {
    const value = issuedBy(affinity())
    const keys = [
      `${NAME}=${value}`,
      `a=b; ${NAME}=${value}; c=d`,
      `a=b;${NAME}=${value}`,
      `${NAME}=${value} `,
    ].map((cookies) => {
      const { key, issue } = affinity().read(NAME, cookies, ANYWHERE)
      assert.equal(issue, undefined, cookies)
      return key
    })
    assert.equal(new Set(keys).size, 1)
  })
  it('does not trust one that is forged, cut, lengthened, of another key or of another name', () => {
    const value = issuedBy(affinity())
    const other = issuedBy(affinity(new Uint8Array(32).fill(8)))
    const flipped = `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`
    const last = `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`
    for (const bad of [
      flipped,
      last,
      value.slice(0, -1),
      `${value}A`,
      other,
      'A'.repeat(32),
      '',
      '%'.repeat(32),
    ]) {
      assert.notEqual(affinity().read(NAME, `${NAME}=${bad}`, ANYWHERE).issue, undefined, bad)
    }
    for (const cookies of [
      `x${NAME}=${value}`,
      `${NAME}x=${value}`,
      `${NAME}`,
      `; ; =`,
      `a=${NAME}=${value}`,
    ]) {
      assert.notEqual(affinity().read(NAME, cookies, ANYWHERE).issue, undefined, cookies)
    }
  })
  it('draws until the key leads where the client should be', () => {
    const toThird: KeyPlacer = { stays: () => true, choose: () => (key) => key % 3 === 1 }
    for (let i = 0; i < 50; i++) {
      const value = issuedBy(affinity(), toThird)
      assert.equal(affinity().read(NAME, `${NAME}=${value}`, ANYWHERE).key % 3, 1)
    }
    // Nothing leads there: any will do.
    const nowhere: KeyPlacer = { stays: () => true, choose: () => () => false }
    assert.equal(issuedBy(affinity(), nowhere).length, 32)
  })
  it('gives a client that is better off elsewhere another', () => {
    const value = issuedBy(affinity())
    const away: KeyPlacer = { stays: () => false, choose: () => () => true }
    const { issue } = affinity().read(NAME, `${NAME}=${value}`, away)
    assert.doesNotMatch(issue?.toString() ?? value, new RegExp(value))
  })
  it('gives a key of 32 bits', () => {
    const { key } = affinity().read(NAME, '', ANYWHERE)
    assert.ok(Number.isInteger(key) && key >= 0 && key < 2 ** 32)
  })
})
