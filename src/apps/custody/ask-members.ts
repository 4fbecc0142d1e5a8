/**
 * One step of a change of shares, asked of all nodes that take part: all of them have to do it, or the attempt has failed.
 *
 * @module
 */
import {
  type CustodyAnswer,
  FIELD,
  type Fields,
  type OperationName,
} from '../../wire/custody-message.ts'
import type { KnownNode } from './node-links.ts'

/** Of one step at one node: 255 products, and a flushed file. */
export const STEP_MS = 30_000

/** A node with the point it has in the change. */
export interface Member {
  readonly at: KnownNode
  readonly point: number
}

/** Why an attempt has failed, and at whom. */
export interface Failed {
  readonly step: OperationName
  readonly nodes: readonly { readonly id: string; readonly why: string }[]
  /** That dealt what they should not have. */
  readonly dealers: readonly number[]
  /** One of the dealers has lied, and nobody can tell which: others are tried. */
  readonly isUnclear?: boolean
}

/** What all of them answer, by point; or who has not, and whom they name. */
export async function askAll(
  members: readonly Member[],
  step: OperationName,
  keyId: Uint8Array,
  fieldsFor: (point: number) => Fields,
): Promise<Map<number, CustodyAnswer> | Failed> {
  const answers = new Map<number, CustodyAnswer>()
  const nodes: Failed['nodes'][number][] = []
  const dealers = new Set<number>()
  await Promise.all(
    members.map(async (member) => {
      const answer = await member.at.ask(step, keyId, 0, fieldsFor(member.point), STEP_MS)
      if (answer?.outcome === 'done') answers.set(member.point, answer)
      else nodes.push({ id: member.at.id, why: answer?.outcome ?? 'away' })
      if (answer?.outcome !== 'dealing') return
      for (const [point = 0] of answer.fields.get(FIELD.point) ?? []) dealers.add(point)
    }),
  )
  return nodes.length === 0 ? answers : { step, nodes, dealers: [...dealers] }
}

export function wordsOf({ step, nodes, dealers }: Failed): string {
  const at = nodes.map(({ id, why }) => `${id} (${why})`)
  return `${step} has failed at ${[...at, ...dealers.map((one) => `point ${one}`)].join(', ')}`
}
