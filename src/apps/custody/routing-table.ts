/**
 * How often each holder of a key takes part in the work with it, as `keys/custody/route-shares.ts` last said: what a client draws its holders by. Empty,
 * and of keys it does not know, all holders do alike.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import type { Routing } from '../../keys/custody/route-shares.ts'
import { nodeIdOf } from './caller.ts'
import type { Countable } from './survey-cluster.ts'

export class RoutingTable {
  readonly #cluster: string
  /** By key, then by node, as manifests name them; hex. */
  #chances: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map()

  constructor(cluster: string) {
    this.#cluster = cluster
  }

  /** 0 to 1, in the mean of a key's operations. Bound: handed to clients as it is. */
  readonly chanceOf = (keyId: Uint8Array, node: Uint8Array): number =>
    this.#chances.get(toHex(keyId))?.get(toHex(node)) ?? 1

  set({ keys, ids, demands, current }: Countable, routing: Routing): void {
    const nodes = ids.map((id) => toHex(nodeIdOf(this.#cluster, id)))
    const chances = new Map<string, ReadonlyMap<string, number>>()
    for (const [k, { keyId }] of keys.entries()) {
      const perS = demands[k]?.perS ?? []
      const total = perS.reduce((sum, rate) => sum + rate, 0)
      // A key that nobody uses: nothing is known of what would be best.
      if (total === 0) continue
      const of = (node: number): number =>
        perS.reduce((sum, rate, i) => sum + (rate / total) * (routing[k]?.[i]?.[node] ?? 0), 0)
      chances.set(
        toHex(keyId),
        new Map((current[k] ?? []).map((node) => [nodes[node] ?? '', of(node)])),
      )
    }
    this.#chances = chances
  }
}
