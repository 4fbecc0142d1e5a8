/**
 * People who type and point, drawn from a seed: each has a pace, a touch, a rhythm per pair of keys, and days that differ. No
 * recording, and no claim that people are like that: what is tested with them is that the pieces fit.
 *
 * Holds are lognormal, so are pauses (with a long tail); a person's own differ from key to key by a fixed amount.
 *
 * @module
 */
import { drawNormal, seededFraction } from '../src/math/seeded-chance.ts'
import type {
  BehaviorBatch,
  BehaviorContext,
  BehaviorRecord,
  KeyClass,
} from '../src/wire/behavior-batch.ts'

export interface Actor {
  /** Free text of so many keys, in batches of a few seconds. */
  type(keys: number): BehaviorBatch[]
  /** The password, always the same one. */
  password(): BehaviorBatch
  /** So many movements of a mouse, each ending in a click. */
  point(moves: number): BehaviorBatch[]
  /** So many gestures of a finger: taps and swipes. */
  touch(gestures: number): BehaviorBatch[]
  /** So many times scrolled, and read. */
  scroll(times: number): BehaviorBatch[]
  /** Another day: pace and touch are a little different. */
  sleep(): void
}

const LETTERS = 26
const PASSWORD = [3, 17, 4, 9, 21, 0, 12, 6, 19]
const CONTEXT = { device: 'desktop', touch: false, portrait: false, keyboard: 'qwerty' } as const
const PHONE = { device: 'phone', touch: true, portrait: true, keyboard: 'unknown' } as const
const KEYS_PER_BATCH = 40
const GESTURES_PER_BATCH = 10

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
    swipePx: between(150, 450),
    swipeMs: between(150, 400),
    tapMs: between(50, 130),
    fingerPx: between(14, 40),
    push: between(40, 160),
    lean: between(-0.5, 0.5),
    wheelPx: between(60, 260),
    wheelTicks: between(3, 14),
    readMs: between(1000, 9000),
    back: between(0.02, 0.3),
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
  const batchOf = (
    records: readonly BehaviorRecord[],
    context: BehaviorContext = CONTEXT,
  ): BehaviorBatch => {
    const fromMs = records[0]?.atMs ?? atMs
    return { fromMs, lastedMs: atMs - fromMs + 200, context, place: 7, records }
  }
  const about = (value: number, sigma: number) => value * Math.exp(sigma * drawNormal(chance))
  const gesture = (): BehaviorRecord => {
    atMs += 300 + Math.round(about(500, 0.4))
    const isTap = chance() < 0.3
    const count = isTap ? 1 : Math.max(2, Math.round((about(self.swipeMs, 0.2) * day.pause) / 50))
    const px = isTap ? 0 : about(self.swipePx, 0.25)
    const angle = Math.PI / 2 + self.lean + 0.15 * drawNormal(chance)
    const steps = Array.from({ length: count }, (_, k) => {
      const share = (Math.sin((Math.PI * (k + 0.5)) / count) * Math.PI) / (2 * count)
      const [dx, dy] = [px * share * Math.cos(angle), -px * share * Math.sin(angle)]
      return { dx: Math.round(dx), dy: Math.round(dy) }
    })
    const began = atMs
    const restMs = Math.round(isTap ? about(self.tapMs, 0.2) * day.hold : 10 + 30 * chance())
    atMs += count * 50 + restMs
    const [size, pressure] = [about(self.fingerPx, 0.08), about(self.push * day.hold, 0.12)]
    return {
      ...{ kind: 'contact', atMs: began, pen: false, continued: false, fingers: 1, dx: 0, dy: 0 },
      ...{ size: Math.round(size), pressure: Math.min(255, Math.round(pressure)), steps, restMs },
    }
  }
  const scrolled = (): BehaviorRecord[] => {
    atMs += 700 + Math.round(about(self.readMs, 0.5))
    const ticks = Math.max(1, Math.round(about(self.wheelTicks, 0.3)))
    const way = chance() < self.back ? -1 : 1
    return Array.from({ length: ticks }, (_, k) => {
      atMs += 100
      const px = about(self.wheelPx * day.pause, 0.15) * Math.sin((Math.PI * (k + 0.5)) / ticks)
      return { kind: 'scroll', atMs, dx: 0, dy: way * Math.max(1, Math.round(px)) } as const
    })
  }
  const inBatches = (times: number, next: () => BehaviorRecord[], context: BehaviorContext) => {
    const batches: BehaviorBatch[] = []
    for (let left = times; left > 0; left -= GESTURES_PER_BATCH) {
      const count = Math.min(left, GESTURES_PER_BATCH)
      batches.push(batchOf(Array.from({ length: count }, next).flat(), context))
    }
    return batches
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
    touch: (gestures) => inBatches(gestures, () => [gesture()], PHONE),
    scroll: (times) => inBatches(times, scrolled, CONTEXT),
    sleep() {
      const differ = () => Math.exp(0.05 * drawNormal(chance))
      day = { hold: differ(), pause: differ() }
    },
  }
}
