/**
 * What a client of a cluster and its desk share: how often keys are used, counted and kept over restarts, and what comes of that, how often each
 * holder takes part.
 *
 * @module
 */
import { join } from 'node:path'
import { countedClient } from './counted-client.ts'
import type { CustodyClient } from './custody-client.ts'
import { writeDemand } from './demand-file.ts'
import { DemandHistory } from './demand-history.ts'
import { KeyDemand } from './key-demand.ts'
import { RoutingTable } from './routing-table.ts'

export interface KeyUseOptions {
  readonly cluster: string
  /** For `demand`, which `limen custody plan` reads, and `demand-history`. */
  readonly folder: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** One line: what could not be kept. Once, until it can be. */
  complain(text: string): void
  /** {@link KeyDemand} that learns in a thread for all but tests. */
  readonly demand?: KeyDemand
}

export class KeyUse {
  readonly demand: KeyDemand
  readonly routing: RoutingTable
  readonly #options: KeyUseOptions
  readonly #history: DemandHistory
  #isToldUnkept = false

  constructor(options: KeyUseOptions) {
    const { cluster, folder, now, demand = new KeyDemand() } = options
    this.#options = options
    this.demand = demand
    this.routing = new RoutingTable(cluster)
    this.#history = new DemandHistory(join(folder, 'demand-history'))
    const nowS = Math.floor(now() / 1000)
    this.#kept(() => demand.restore(this.#history.read(nowS), nowS))
  }

  /** @param client that was opened with the chances of {@link KeyUse.routing} */
  counted(client: CustodyClient): CustodyClient {
    return countedClient(client, this.demand)
  }

  /** A minute is over; or what there is of it, before the end. */
  endMinute(): void {
    const minute = this.demand.endMinute(Math.floor(this.#options.now() / 1000))
    this.#kept(() => this.#history.append(minute))
  }

  /** @param minutes so many ahead */
  writeExpected(minutes: number): void {
    const path = join(this.#options.folder, 'demand')
    this.#kept(() => writeDemand(path, this.demand.expected(minutes)))
  }

  /** A full disk is no reason to stop. */
  #kept(act: () => void): void {
    try {
      act()
      this.#isToldUnkept = false
    } catch (error) {
      if (this.#isToldUnkept) return
      this.#isToldUnkept = true
      const { code, name } = error as NodeJS.ErrnoException
      this.#options.complain(`custody: demand is not kept: ${code ?? name}`)
    }
  }
}
