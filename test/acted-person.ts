/**
 * People who type and point, drawn from a seed: each has a pace, a touch, a rhythm per pair of keys, and days that differ. No
 * recording, and no claim that people are like that: what is tested with them is that the pieces fit.
 *
 * Holds are lognormal, so are pauses (with a long tail); a person's own differ from key to key by a fixed amount.
 *
 * @module
 */
import { drawNormal, seededFraction } from '../src/math/seeded-chance.ts'
import type { BehaviorBatch, BehaviorRecord, KeyClass } from '../src/wire/behavior-batch.ts'

export interface Actor {
  /** Free text of so many keys, in batches of a few seconds. */
  type(keys: number): BehaviorBatch[]
  /** The password, always the same one. */
  password(): BehaviorBatch
  /** So many movements of a mouse, each ending in a click. */
  point(moves: number): BehaviorBatch[]
  /** Another day: pace and touch are a little different. */
  sleep(): void
}

const LETTERS = 26
const PASSWORD = [3, 17, 4, 9, 21, 0, 12, 6, 19]
const CONTEXT = { device: 'desktop', touch: false, portrait: false, keyboard: 'qwerty' } as const
const KEYS_PER_BATCH = 40

export function actPerson(seed: number): Actor {
  const nature = seededFraction(seed)
  const chance = seededFraction(seed + 1_000_003)
  const between = (low: number, high: number) => low + (high - low) * nature()
  const self = {
    holdMs: between(65, 125),
    pauseMs: between(110, 230),
    spaceShare: between(0.8, 1.3),
    holdOf: Array.from({ length: LETTERS + 1 }, () => Math.exp(0.15 * drawNormal(nature))),
    pairOf: Array.from({ length: (LETTERS + 1) ** 2 }, () => Math.exp(0.3 * drawNormal(nature))),
    pxPerS: between(500, 1500),
    curve: between(-0.3, 0.3),
    clickMs: between(60, 140),
  }
  let day = { hold: 1, pause: 1 }
  let atMs = 1000

  const key = (from: number, to: number, keyClass: KeyClass, field: number): BehaviorRecord => {
    const pair = self.pairOf[from * (LETTERS + 1) + to] ?? 1
    const slow = chance() < 0.04 ? 2 + 4 * chance() : 1
    const space = to === LETTERS ? self.spaceShare : 1
    const noise = Math.exp(0.25 * drawNormal(chance))
    atMs += Math.max(15, Math.round(self.pauseMs * day.pause * pair * space * noise * slow))
    const touch = (self.holdOf[to] ?? 1) * Math.exp(0.15 * drawNormal(chance))
    const holdMs = Math.max(10, Math.round(self.holdMs * day.hold * touch))
    return { kind: 'key', atMs, holdMs, class: keyClass, field }
  }
  const batchOf = (records: readonly BehaviorRecord[]): BehaviorBatch => {
    const fromMs = records[0]?.atMs ?? atMs
    return { fromMs, lastedMs: atMs - fromMs + 200, context: CONTEXT, place: 7, records }
  }
  return {
    type(keys) {
      const batches: BehaviorBatch[] = []
      let records: BehaviorRecord[] = []
      let last = LETTERS
      let left = 2 + Math.floor(chance() * 7)
      for (let i = 0; i < keys; i++) {
        // The commoner letters are commoner.
        const next = left-- > 0 ? Math.floor(LETTERS * chance() ** 1.5) : LETTERS
        if (next === LETTERS) left = 2 + Math.floor(chance() * 7)
        records.push(key(last, next, next === LETTERS ? 'space' : 'letter', 2))
        last = next
        if (records.length < KEYS_PER_BATCH && i < keys - 1) continue
        batches.push(batchOf(records))
        records = []
      }
      return batches
    },
    password() {
      atMs += 4000
      return batchOf(PASSWORD.map((to, i) => key(PASSWORD[i - 1] ?? LETTERS, to, 'hidden', 1)))
    },
    point(moves) {
      const batches: BehaviorBatch[] = []
      let records: BehaviorRecord[] = []
      for (let i = 0; i < moves; i++) {
        atMs += 400 + Math.round(600 * chance())
        const angle = 2 * Math.PI * chance()
        const px = 150 + 500 * chance()
        const count = Math.max(4, Math.round((px / (self.pxPerS * day.pause)) * 10 * 2))
        const steps = Array.from({ length: count }, (_, k) => {
          // A bell of speeds, bent to the person's side.
          const speed = (Math.sin((Math.PI * (k + 0.5)) / count) * px * Math.PI) / (2 * count)
          const turn = angle + self.curve * (k / count - 0.5) * 4 + 0.08 * drawNormal(chance)
          return { dx: Math.round(speed * Math.cos(turn)), dy: Math.round(speed * Math.sin(turn)) }
        })
        records.push({ kind: 'path', atMs, dx: 0, dy: 0, steps })
        atMs += count * 100 + 100
        records.push({ kind: 'press', atMs, button: 0, dx: 0, dy: 0 })
        atMs += Math.round(self.clickMs * Math.exp(0.2 * drawNormal(chance)))
        records.push({ kind: 'release', atMs, button: 0, dx: 0, dy: 0 })
        if (i % 6 !== 5 && i < moves - 1) continue
        batches.push(batchOf(records))
        records = []
      }
      return batches
    },
    sleep() {
      const differ = () => Math.exp(0.05 * drawNormal(chance))
      day = { hold: differ(), pause: differ() }
    },
  }
}
