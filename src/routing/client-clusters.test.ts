import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { CLIENT_CLUSTERS_DEFAULTS, ClientClusters, type ClientTraits } from './client-clusters.ts'

const traits = (numbers: number[], words: string[]): ClientTraits => ({ numbers, words })

describe('ClientClusters', () => {
  it('finds kinds of clients among noise, whatever their order', () => {
    const fraction = seededRandom(5).fraction
    const kinds = [
      traits([0.2, 0.9], ['aaa', 'h2', 'x']),
      traits([0.8, 0.1], ['bbb', 'none', 'y']),
      traits([0.5, 0.5], ['ccc', 'h1', 'z']),
    ]
    const clusters = new ClientClusters()
    const found = new Map<number, Set<number>>()
    for (let n = 0; n < 3000; n++) {
      const kind = Math.floor(fraction() * 3)
      const { numbers, words } = kinds[kind] as ClientTraits
      const noisy = numbers.map((value) => value + (fraction() - 0.5) * 0.1)
      const { cluster } = clusters.meet(traits(noisy, [...words]))
      found.set(kind, (found.get(kind) ?? new Set()).add(cluster))
    }
    assert.equal(clusters.size, 3)
    for (const indexes of found.values()) assert.equal(indexes.size, 1)
  })

  it('follows a kind that drifts, as software does with its versions', () => {
    const clusters = new ClientClusters()
    const first = clusters.meet(traits([0.1, 0.1], ['a'])).cluster
    for (let n = 0; n < 5000; n++) {
      const { cluster } = clusters.meet(traits([0.1 + (0.8 * n) / 5000, 0.1], ['a']))
      assert.equal(cluster, first)
    }
  })

  it('stays bounded and keeps what is used, whoever cycles through traits', () => {
    const clusters = new ClientClusters()
    const regular = traits([0.5, 0.5], ['regular', 'h2', 'x'])
    const home = clusters.meet(regular).cluster
    for (let n = 0; n < 20_000; n++) {
      clusters.meet(traits([(n % 7) / 7, (n % 11) / 11], [`w${n}`, `v${n}`, `u${n}`]))
      if (n % 50 === 0) assert.deepEqual(clusters.meet(regular), { cluster: home, replaced: false })
    }
    assert.ok(clusters.size <= CLIENT_CLUSTERS_DEFAULTS.clustersMax)
  })

  it('says when an index means other clients from now on', () => {
    const clusters = new ClientClusters({ clustersMax: 1, distanceMax: 0.1, wordsMax: 2 })
    assert.deepEqual(clusters.meet(traits([0], ['a'])), { cluster: 0, replaced: false })
    let replaced = 0
    for (let n = 0; n < 1100; n++) if (clusters.meet(traits([1], ['b'])).replaced) replaced++
    assert.equal(replaced, 1)
  })

  it('takes any traits', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            numbers: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
              minLength: 2,
              maxLength: 2,
            }),
            words: fc.array(fc.string(), { minLength: 2, maxLength: 2 }),
          }),
        ),
        (clients) => {
          const clusters = new ClientClusters()
          for (const client of clients) {
            const { cluster } = clusters.meet(client)
            assert.ok(cluster >= 0 && cluster < clusters.size)
          }
        },
      ),
      { seed: 20261122 },
    )
  })
})
