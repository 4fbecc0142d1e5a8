/**
 * Operations with a secret of octets, which one holder puts together: it is asked first whether it has the secret still, and given the
 * others' shares, sealed to it, when it has not. Whose share does not fit is named by it, and not asked for a while.
 *
 * @module
 */
import { joinOctets } from '../../ground/octets.ts'
import { type CustodyAnswer, FIELD, fieldOf } from '../../wire/custody-message.ts'
import { gather } from './gather.ts'
import type { Holder, Try } from './key-user.ts'
import { actionCode, type SecretAction } from './secret-operation.ts'
import { blame } from './threshold-use.ts'

type Fields = readonly (readonly [number, readonly Uint8Array[]])[]

/** @param first the node that did it last, which has the secret at hand. undefined: not enough good parts */
export async function operateAtHolder(
  one: Try,
  action: SecretAction,
  input: Uint8Array,
  aad: Uint8Array | undefined,
  first: string | undefined,
): Promise<{ readonly output: Uint8Array; readonly by: string } | undefined> {
  const asked: Fields = [
    [FIELD.input, [input]],
    ...(aad === undefined ? [] : ([[FIELD.aad, [aad]]] as const)),
    [FIELD.action, [Uint8Array.of(actionCode(action))]],
  ]
  const isUsable = ({ isAway, isExcluded }: Holder): boolean => !isAway && !isExcluded
  const before = one.holders.find((holder) => holder.at.id === first && isUsable(holder))
  const others = one.holders.filter((holder) => holder !== before)
  const [done] = await gather({
    candidates: before === undefined ? others : [before, ...others],
    need: 1,
    ask: async (holder) => {
      const answer = await operateAt(one, holder, asked)
      if (answer?.outcome !== 'done') return undefined
      return { output: fieldOf(answer.fields, FIELD.output), by: holder.at.id }
    },
    // It may have to be given shares first.
    hedgeMs: (holder) => 2 * one.hedgeMs(holder, 'use') + one.hedgeMs(holder, 'deliver'),
    mayHedge: () => one.mayHedge(),
    deadlineMs: one.leftMs(),
  })
  return done
}

async function operateAt(
  one: Try,
  target: Holder,
  asked: Fields,
): Promise<CustodyAnswer | undefined> {
  const answer = await one.ask(target, 'use', asked)
  const [session] = answer?.fields.get(FIELD.session) ?? []
  if (answer?.outcome !== 'not-assembled' || session === undefined) return answer
  const sealed = await gather({
    candidates: one.holders.filter((holder) => holder !== target),
    need: one.known.manifest.threshold - 1,
    ask: async (holder) => {
      const delivered = await one.ask(holder, 'deliver', [
        [FIELD.session, [session]],
        [FIELD.card, [target.at.cardBytes]],
      ])
      if (delivered?.outcome !== 'done') return undefined
      return joinOctets(Uint8Array.of(holder.point), fieldOf(delivered.fields, FIELD.sealed))
    },
    hedgeMs: (holder) => one.hedgeMs(holder, 'deliver'),
    mayHedge: () => one.mayHedge(),
    deadlineMs: one.leftMs(),
  })
  const again = await one.ask(target, 'use', [
    ...asked,
    [FIELD.session, [session]],
    [FIELD.sealed, sealed],
  ])
  if (again?.outcome === 'inconsistent') {
    blame(
      one,
      (again.fields.get(FIELD.point) ?? []).map(([point = 0]) => point),
    )
  }
  return again
}
