/**
 * What happens next in a discrete-event simulation: a binary heap (Williams, 1964) of times and whole numbers that say what.
 * Of several at the same time the order is any, but always the same for the same calls.
 *
 * @module
 */

/** Doubled when full. */
const SLOTS_FIRST = 1024

export class EventQueue {
  size = 0
  /** When the event that {@link EventQueue.pop} gave last is due. */
  at = Number.NEGATIVE_INFINITY
  #times = new Float64Array(SLOTS_FIRST)
  #events = new Int32Array(SLOTS_FIRST)

  /** @param event 32 bits, signed */
  push(at: number, event: number): void {
    if (this.size === this.#times.length) this.#grow()
    const times = this.#times
    const events = this.#events
    let slot = this.size++
    while (slot > 0) {
      const above = (slot - 1) >> 1
      if ((times[above] as number) <= at) break
      times[slot] = times[above] as number
      events[slot] = events[above] as number
      slot = above
    }
    times[slot] = at
    events[slot] = event
  }

  /** Takes the earliest; its time is then in `at`. @throws RangeError when there is none */
  pop(): number {
    if (this.size === 0) throw new RangeError('Cannot pop: the queue is empty')
    const times = this.#times
    const events = this.#events
    const first = events[0] as number
    this.at = times[0] as number
    const size = --this.size
    const at = times[size] as number
    let slot = 0
    for (;;) {
      let below = 2 * slot + 1
      if (below >= size) break
      if (below + 1 < size && (times[below + 1] as number) < (times[below] as number)) below++
      if ((times[below] as number) >= at) break
      times[slot] = times[below] as number
      events[slot] = events[below] as number
      slot = below
    }
    times[slot] = at
    events[slot] = events[size] as number
    return first
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    const events = new Int32Array(times.length)
    times.set(this.#times)
    events.set(this.#events)
    this.#times = times
    this.#events = events
  }
}
