import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { FeedChain } from './feed-chain.ts'

const OWNER = { edge: 'edge-1', run: 'run-of-it' }
const BEGIN = '{"kind":"begin","anew":true}'
const pair = generateKeyPairSync('ed25519')
const signed = (data: Uint8Array) => sign(null, data, pair.privateKey)
const chainOf = (owner = OWNER, lines = [BEGIN]): FeedChain => {
  const chain = new FeedChain(owner)
  for (const line of lines) chain.add(line)
  return chain
}

describe('FeedChain', () => {
  const checkpoint = chainOf().checkpoint(7, signed)

  it('knows a checkpoint of the same lines', () => {
    assert.equal(chainOf().isGood(checkpoint, pair.publicKey), true)
    assert.ok(checkpoint.chain.length === 43 && checkpoint.signature.length === 86)
  })

  it('refuses another number, edge, process, signature, identity', () => {
    const isGood = (change: Partial<typeof checkpoint>, owner = OWNER) =>
      chainOf(owner).isGood({ ...checkpoint, ...change }, pair.publicKey)
    assert.equal(isGood({ seq: 8 }), false)
    assert.equal(isGood({}, { ...OWNER, edge: 'edge-2' }), false)
    assert.equal(isGood({}, { ...OWNER, run: 'another-run' }), false)
    assert.equal(isGood({ signature: 'A'.repeat(86) }), false)
    assert.equal(isGood({ signature: '' }), false)
    assert.equal(chainOf().isGood(checkpoint, new Uint8Array(32).fill(9)), false)
  })

  it('refuses lines that are missing, added, changed or in another order', () => {
    const told = ['a', 'b', 'c']
    const ofThem = chainOf(OWNER, told).checkpoint(9, signed)
    for (const heard of [
      ['a', 'c'],
      ['a', 'b', 'c', 'd'],
      ['a', 'B', 'c'],
      ['b', 'a', 'c'],
      ['ab', 'c'],
    ]) {
      assert.equal(chainOf(OWNER, heard).isGood(ofThem, pair.publicKey), false, heard.join())
    }
  })
})
