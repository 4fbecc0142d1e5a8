import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { labelOf, newNodes } from './custody-words.ts'

const USAGE = { code: 'usage' }

describe('labelOf()', () => {
  it('reads use, name and version', () => {
    assert.deepEqual(labelOf('sign/ca'), { use: 'sign', name: 'ca', version: 1 })
    assert.deepEqual(labelOf('mac/a/b@c@12'), { use: 'mac', name: 'a/b@c', version: 12 })
  })

  it('takes a bad version for no part of a name', () => {
    for (const version of ['0', '01', '', '4294967296', '99999999999', '0@1']) {
      assert.throws(() => labelOf(`sign/ca@${version}`), USAGE, version)
    }
    for (const word of ['sign', 'sign/', 'burn/ca', 'sign/a b']) {
      assert.throws(() => labelOf(word), USAGE, word)
    }
  })
})

describe('newNodes()', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((id, i) => `${id}=127.0.0.1:${9444 + i}`)

  it('reads nodes, each a domain by itself unless it is said', () => {
    const { nodes, threshold } = newNodes([...five, 'f=[::1]:9444@e'], '3')
    assert.equal(threshold, 3)
    assert.deepEqual(
      nodes.map(({ domain }) => domain),
      ['a', 'b', 'c', 'd', 'e', 'e'],
    )
    assert.deepEqual(nodes[5], { id: 'f', address: '[::1]:9444', domain: 'e' })
  })

  const wrong: readonly (readonly [what: string, node: string, said: RegExp])[] = [
    ['two nodes of one id', 'a=127.0.0.1:9999', /Two nodes have the id a$/],
    ['two nodes at one address', 'f=127.0.0.1:9444', /Two nodes have the address 127/],
    ['a port above 65535', 'f=127.0.0.1:65536', /no port 65536/],
    ['port 0', 'f=127.0.0.1:0', /no port 0/],
    ['an id that custody.yaml does not take', 'F=127.0.0.1:9999', /an ID is lower case/],
  ]
  for (const [what, node, said] of wrong) {
    it(`refuses ${what}`, () => {
      assert.throws(() => newNodes([...five, node], '3'), { ...USAGE, message: said })
    })
  }

  it('refuses nodes that no key could be placed on', () => {
    const DOMAINS = { code: 'custody-domains' }
    assert.throws(() => newNodes(five.slice(0, 3), '3'), DOMAINS)
    const two = five.map((node, i) => `${node}@${i % 2}`)
    assert.throws(() => newNodes(two, '3'), DOMAINS)
    // Three of the five, in domains of their own.
    assert.equal(newNodes([...two.slice(0, 3), `${five[3]}@3`, `${five[4]}@4`], '2').threshold, 2)
  })
})
