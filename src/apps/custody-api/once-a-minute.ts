/**
 * Words for the operator that a client could make come again and again: each is passed on once a minute.
 *
 * @module
 */
import type { Clock } from '../../ground/clock.ts'

const AGAIN_MS = 60_000
/** That are remembered; further ones of the same minute are not passed on. */
const TEXTS_MAX = 1000

export function onceAMinute(tell: (text: string) => void, clock: Clock): (text: string) => void {
  const told = new Map<string, number>()
  return (text) => {
    const now = clock.now()
    for (const [one, at] of told) {
      // A clock that was set back passes on more.
      if (now >= at && now - at < AGAIN_MS) break
      told.delete(one)
    }
    if (told.has(text) || told.size >= TEXTS_MAX) return
    told.set(text, now)
    tell(text)
  }
}
