import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { toHex } from '../../ground/hex.ts'
import { type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { keysOf, mayHideKeys, silentWords } from './listed-keys.ts'
import { surveyCluster } from './survey-cluster.ts'

const FIRST = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
const SECOND = { threshold: 2, nodes: ['n4', 'n5', 'n6'] }
const label = (name: string): KeyLabel => ({ use: 'derive', name, version: 1 })
const idOf = (name: string): Uint8Array => keyIdOf(writeKeyLabel(label(name)))

let cluster: MemoryCluster
/** What a hung node takes until the caller gives up. */
let hangMs = 0
const away = new Set<string>()
beforeEach(async () => {
  cluster = await memoryCluster(6)
  away.clear()
  hangMs = 0
  cluster.between = async (to, _request, pass) => {
    if (!away.has(to.id)) return await pass()
    await new Promise((resolve) => setTimeout(resolve, hangMs))
    return 'away'
  }
  await cluster.driver.make(label('a'), FIRST)
  await cluster.driver.make(label('b'), SECOND)
})
const look = (...named: readonly Uint8Array[]) => {
  const nodes = cluster.nodes.map(({ id }) => ({ id, address: `${id}:1`, cores: 1, slots: 9 }))
  return surveyCluster({ nodes }, cluster.client, named)
}

describe('keysOf()', () => {
  it('lists the keys of all nodes, and names those that have not said', async () => {
    assert.deepEqual(
      (await keysOf(cluster.client.links)).ids.map(toHex),
      [idOf('a'), idOf('b')].map(toHex).sort(),
    )
    for (const id of FIRST.nodes) away.add(id)
    const { ids, silent } = await keysOf(cluster.client.links)
    assert.deepEqual(ids.map(toHex), [toHex(idOf('b'))])
    assert.equal(silentWords(silent), 'n1 (away), n2 (away), n3 (away)')
  })

  it('takes a list that ends in the middle for none', async () => {
    let asked = 0
    cluster.between = async (to, { operation }, pass) =>
      to.id === 'n2' && operation === 'list' && asked++ > 0 ? 'away' : await pass()
    const { ids, silent } = await keysOf(cluster.client.links)
    assert.equal(ids.length, 2)
    assert.deepEqual(silent, [{ id: 'n2', why: 'away' }])
  })

  it('is whole without one node: no key is with one alone', () => {
    assert.deepEqual([[], ['n1'], ['n1', 'n2']].map(mayHideKeys), [false, false, true])
  })
})

describe('surveyCluster()', () => {
  it('names keys that were made and that no node which answers has', async () => {
    for (const id of FIRST.nodes) away.add(id)
    const { keys, missing, silent } = await look(idOf('a'), idOf('b'))
    assert.deepEqual(
      keys.map(({ keyId }) => toHex(keyId)),
      [toHex(idOf('b'))],
    )
    assert.deepEqual(missing.map(toHex), [toHex(idOf('a'))])
    assert.deepEqual(
      silent.map(({ id }) => id),
      FIRST.nodes,
    )
  })

  it('does not miss a key that was deleted', async () => {
    away.add('n3')
    await cluster.driver.delete(idOf('a'))
    away.clear()
    const { keys, missing } = await look(idOf('a'))
    assert.deepEqual([keys.length, missing.length], [1, 0])
    // Unless it was made anew, at nodes that are away now.
    await cluster.driver.make(label('a'), FIRST)
    for (const id of FIRST.nodes) away.add(id)
    const again = await look(idOf('a'))
    assert.deepEqual([again.keys.length, again.missing.map(toHex)], [1, [toHex(idOf('a'))]])
  })

  it('waits once for a node that hangs, however many keys there are', async () => {
    for (let i = 0; i < 12; i++) await cluster.driver.make(label(`more-${i}`), SECOND)
    for (const id of FIRST.nodes) away.add(id)
    hangMs = 700
    const begun = performance.now()
    const { keys } = await look()
    const tookMs = performance.now() - begun
    assert.equal(keys.length, 13)
    // One after the other: 14 times as long.
    assert.ok(tookMs < 4 * hangMs, `${tookMs} ms`)
  })
})
