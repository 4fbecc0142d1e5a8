/**
 * One operation with a key in custody, as its parts need it: which key it is now, its holders in the order they are asked, and how long
 * there is time. Tries again when the shares have changed meanwhile.
 *
 * @module
 */
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import { type KeyLabel, keyIdOf, schemeOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import {
  type CustodyAnswer,
  FIELD,
  type Fields,
  type OperationName,
} from '../../wire/custody-message.ts'
import { orderHolders } from './choose-holders.ts'
import { HedgeBudget } from './hedge-budget.ts'
import type { KeyManifests, KnownKey } from './key-manifests.ts'
import type { KnownNode, NodeLinks } from './node-links.ts'

/** One holder of a key. */
export interface Holder {
  readonly point: number
  readonly at: KnownNode
  readonly chance: number
  readonly isAway: boolean
  readonly isExcluded: boolean
}

/** One try at an operation. */
export interface Try {
  readonly known: KnownKey
  readonly labelBytes: Uint8Array
  /** In the order they are asked. */
  readonly holders: readonly Holder[]
  leftMs(): number
  /** Asks a holder, with the label; what it refuses is remembered. */
  ask(
    holder: Holder,
    operation: OperationName,
    fields: readonly (readonly [number, readonly Uint8Array[]])[],
  ): Promise<CustodyAnswer | undefined>
  hedgeMs(holder: Holder, operation: OperationName): number
  /** Whether so many requests more may be made because some are slow. */
  mayHedge(requests?: number): boolean
}

export interface KeyUserOptions {
  readonly links: NodeLinks
  readonly manifests: KeyManifests
  readonly groups: SodiumGroups
  readonly random: Random
  /** Of each holder in the work with a key; without it all do alike. */
  chanceOf?(keyId: Uint8Array, node: Uint8Array): number
  /** {@link OPERATION_MS} for all but tests. */
  readonly operationMs?: number
  /** False: the next holder is asked only when one fails. */
  readonly hedges?: boolean
}

/** Of a whole operation, as its caller waits for it. */
const OPERATION_MS = 5_000
/** One holder is waited for half of what is left, so that another one can stand in; shorter than that is no time. */
const ASK_MS_MIN = 1_000
/** Between tries: shares that have just changed are there by then. */
const PAUSE_MS = 20
const PAUSE_MS_MAX = 320

export class KeyUser {
  readonly groups: SodiumGroups
  readonly random: Random
  readonly #options: KeyUserOptions
  readonly #budget = new HedgeBudget()

  constructor(options: KeyUserOptions) {
    this.#options = options
    this.groups = options.groups
    this.random = options.random
  }

  /**
   * @param attempt undefined: not enough good parts; it is tried again as long as there is time
   * @throws LimenError `custody-key-unknown`, `custody-refused`, `custody-input`, `custody-unavailable`
   */
  async perform<T>(label: KeyLabel, attempt: (one: Try) => Promise<T | undefined>): Promise<T> {
    const { links, manifests, operationMs = OPERATION_MS } = this.#options
    const labelBytes = writeKeyLabel(label)
    const keyId = keyIdOf(labelBytes)
    const until = performance.now() + operationMs
    let known = await manifests.of(keyId)
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(PAUSE_MS_MAX, 2 * pauseMs)) {
      if (known?.manifest.scheme === schemeOf(label.use)) {
        const said = new Map<string, Set<KnownNode>>()
        const result = await attempt(this.#try(known, label, labelBytes, until, said))
        if (result !== undefined) return result
        refuse(label, said, known.manifest.threshold)
      } else if (known !== undefined) throw keyError('custody-input', label, 'is of another kind')
      // Everybody has been asked: waiting would not change what they say.
      const isNowhere = known === undefined && !links.nodes.some(({ health }) => health.isAway)
      if (isNowhere || performance.now() + pauseMs >= until) break
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      known = (await manifests.read(keyId)) ?? known
    }
    if (known === undefined) throw keyError('custody-key-unknown', label, 'is with no node')
    throw keyError('custody-unavailable', label, 'cannot be used now: too few good holders')
  }

  #try(
    known: KnownKey,
    label: KeyLabel,
    labelBytes: Uint8Array,
    until: number,
    said: Map<string, Set<KnownNode>>,
  ): Try {
    const { links, chanceOf, random, hedges = true } = this.#options
    const budget = this.#budget
    const { manifest } = known
    const { keyId, generation } = manifest
    const holders = manifest.holders.flatMap(({ point, node }): Holder[] => {
      const at = links.nodeOf(node)
      if (at === undefined) return []
      const { isAway, isExcluded } = at.health
      return [{ point, at, chance: chanceOf?.(keyId, node) ?? 1, isAway, isExcluded }]
    })
    const leftMs = (): number => Math.max(1, until - performance.now())
    return {
      ...{ known, labelBytes, leftMs },
      holders: orderHolders(holders, manifest.threshold, random),
      hedgeMs: ({ at }, operation) => (hedges ? at.health.hedgeMs(operation) : leftMs()),
      mayHedge: (requests = 1) => budget.spend(requests),
      async ask({ at }, operation, more) {
        budget.earn()
        const fields: Fields = new Map([[FIELD.label, [labelBytes]], ...more])
        const timeoutMs = Math.min(leftMs(), Math.max(ASK_MS_MIN, leftMs() / 2))
        const asked = at.ask(operation, keyId, generation, fields, timeoutMs)
        const answer = await asked.catch((error: unknown) => {
          if (!(error instanceof RangeError)) throw error
          throw keyError('custody-input', label, 'does not take so much at once', error)
        })
        if (answer !== undefined && answer.outcome !== 'done') {
          said.set(answer.outcome, (said.get(answer.outcome) ?? new Set()).add(at))
        }
        return answer
      },
    }
  }
}

/** What more than t - 1 nodes say is no lie of a few. @throws LimenError */
function refuse(
  label: KeyLabel,
  said: ReadonlyMap<string, ReadonlySet<KnownNode>>,
  threshold: number,
): void {
  const many = (outcome: string): boolean => (said.get(outcome)?.size ?? 0) >= threshold
  if (many('refused')) throw keyError('custody-refused', label, 'may not be used like this')
  if (many('input')) throw keyError('custody-input', label, 'is not for this input')
}

function keyError(
  code: string,
  { name, version }: KeyLabel,
  text: string,
  cause?: unknown,
): LimenError {
  const retry = code === 'custody-unavailable'
  const side = retry ? 'upstream' : 'client'
  return new LimenError(code, `Key ${name} version ${version} ${text}`, { side, retry, cause })
}
