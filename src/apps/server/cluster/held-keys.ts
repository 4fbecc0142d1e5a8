/**
 * Which keys an edge as a whole holds: those that all its living workers hold. Told to the key server when it changes, again
 * until it has heard.
 *
 * @module
 */
import type { Clock } from '../../../ground/clock.ts'

export interface HeldKeys {
  /** These are what workers are to hold from now on. */
  expect(stekIds: readonly number[]): void
  /** A worker holds these. */
  hear(worker: string, stekIds: readonly number[]): void
  /** From time to time: workers come and go, and the key server may not have heard. */
  look(): void
}

export interface HeldKeysOptions {
  readonly clock: Clock
  workers(): readonly string[]
  /** It does not do its part. */
  replace(worker: string): void
  /** False when it was not heard. */
  tell(stekIds: readonly number[]): Promise<boolean>
}

/** A worker takes keys within milliseconds; on a busy machine within seconds. */
const TAKE_MS = 30_000

export function heldKeys({ clock, workers, replace, tell }: HeldKeysOptions): HeldKeys {
  const held = new Map<string, ReadonlySet<number>>()
  let expected: readonly number[] | undefined
  let expectedAt = 0
  let told = ''
  let isTelling = false
  const look = (): void => {
    if (expected === undefined) return
    const living = workers()
    for (const worker of held.keys()) if (!living.includes(worker)) held.delete(worker)
    const slow = living.filter((one) => expected?.some((id) => held.get(one)?.has(id) !== true))
    if (slow.length > 0 && clock.now() - expectedAt > TAKE_MS) {
      expectedAt = clock.now()
      for (const worker of slow) replace(worker)
    }
    if (living.length === 0 || isTelling) return
    const all = expected.filter((id) => living.every((one) => held.get(one)?.has(id) === true))
    const text = all.join()
    if (text === told) return
    isTelling = true
    void tell(all).then((isHeard) => {
      isTelling = false
      if (isHeard) told = text
      // What was said meanwhile.
      if (isHeard) look()
    })
  }
  return {
    look,
    expect(stekIds) {
      expected = stekIds
      expectedAt = clock.now()
      // Told at each fetch: a key server that was started again has forgotten.
      told = ''
      look()
    },
    hear(worker, stekIds) {
      held.set(worker, new Set(stekIds))
      look()
    },
  }
}
