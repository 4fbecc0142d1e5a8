/**
 * Makes the moves of a plan, one share at a time, each a reshare of its key (`drive-change.ts`). What a key's holders are is read anew before each
 * move, and a move that would break the rule of domains by then is not made: between planning and doing, somebody else may have moved shares.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import { mayMove } from '../../keys/custody/domain-rule.ts'
import type { ShareDriver } from './drive-change.ts'
import { type KeyManifests, type KnownKey, usable } from './key-manifests.ts'
import type { NodeLinks } from './node-links.ts'

/** A share of a key goes from one node to another, both by id. */
export interface NamedMove {
  readonly keyId: Uint8Array
  readonly from: string
  readonly to: string
}

export interface MoveResult extends NamedMove {
  /** `gone`: the key is not where the plan found it. `unsafe`: it would break the rule. `failed`: see `why`. */
  readonly outcome: 'moved' | 'gone' | 'unsafe' | 'failed'
  readonly why: string | undefined
}

export interface RunMovesOptions {
  readonly links: Pick<NodeLinks, 'nodes' | 'nodeOf'>
  readonly manifests: Pick<KeyManifests, 'states'>
  readonly driver: Pick<ShareDriver, 'reshare'>
  /** By id of a node. */
  domainOf(id: string): string
  onMove?(result: MoveResult, done: number, all: number): void
}

/** In their order. A key whose move was not made is left where it is: its later moves stand on that one. */
export async function runMoves(
  options: RunMovesOptions,
  moves: readonly NamedMove[],
): Promise<MoveResult[]> {
  const results: MoveResult[] = []
  const stuck = new Set<string>()
  for (const move of moves) {
    const id = toHex(move.keyId)
    const result: MoveResult = stuck.has(id)
      ? { ...move, outcome: 'gone', why: 'an earlier move of the key was not made' }
      : await makeMove(options, move)
    if (result.outcome !== 'moved') stuck.add(id)
    results.push(result)
    options.onMove?.(result, results.length, moves.length)
  }
  return results
}

async function makeMove(options: RunMovesOptions, move: NamedMove): Promise<MoveResult> {
  const { keyId, from, to } = move
  const known = usable(await options.manifests.states(keyId))
  const holders = known && holdersOf(options, known)
  if (known === undefined || holders?.includes(from) !== true || holders.includes(to)) {
    return { ...move, outcome: 'gone', why: undefined }
  }
  const after = [...holders.filter((one) => one !== from), to]
  const nodes = [...new Set([...holders, to])]
  const at = (ids: readonly string[]): number[] => ids.map((one) => nodes.indexOf(one))
  const domains = nodes.map((one) => options.domainOf(one))
  const { threshold } = known.manifest
  const sharing = { holders: holders.length, threshold }
  if (!mayMove(domains, sharing, at(holders), at(after))) {
    return { ...move, outcome: 'unsafe', why: undefined }
  }
  try {
    const { waiting } = await options.driver.reshare(keyId, { threshold, nodes: after })
    const why = waiting.length > 0 ? `${waiting.join(', ')} have not committed yet` : undefined
    return { ...move, outcome: why === undefined ? 'moved' : 'failed', why }
  } catch (error) {
    return { ...move, outcome: 'failed', why: (error as Error).message }
  }
}

function holdersOf({ links }: RunMovesOptions, { manifest }: KnownKey): string[] {
  return manifest.holders.map(({ node }) => links.nodeOf(node)?.id ?? toHex(node))
}
