/**
 * What answers about people have in common.
 *
 * @module
 */
import type { z } from 'zod'
import { LimenError } from '../../../ground/limen-error.ts'
import type { KeptPerson } from '../../../ports/person-store.ts'
import type { Behavior } from '../behavior/open-behavior.ts'
import type { personView } from './people-views.ts'
import { Problem } from './problem.ts'

/** Throws `not-found` while nobody is watched. */
export function watching(behavior: Behavior | undefined): Behavior {
  if (behavior === undefined) throw new Problem('not-found', 'behavior.mode is off')
  return behavior
}

/** A storage that does not answer is not the caller's fault. */
export async function answering<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof LimenError)) throw error
    throw new Problem('unavailable', 'The storage of people does not answer')
  }
}

/** Scores and counts. */
export function personViewOf(
  { people }: Behavior,
  { person, revision }: KeptPerson,
): z.output<typeof personView> {
  const { id, createdAt, updatedAt, label, frozen, sessions, typing, pointer } = person
  const contexts = [
    ...Object.entries(typing).map(([context, { confirmed, unconfirmed, own }]) => ({
      ...{ context, confirmed: confirmed.length, unconfirmed: unconfirmed.length },
      scores: own.recent.length,
    })),
    ...Object.entries(pointer).map(([context, { confirmed, unconfirmed, own }]) => ({
      ...{ context, confirmed: confirmed.rows.length, unconfirmed: unconfirmed.rows.length },
      scores: own.recent.length,
    })),
  ]
  const live = people.sessionsOf(id)
  return { person: id, revision, createdAt, updatedAt, label, frozen, contexts, sessions, live }
}
