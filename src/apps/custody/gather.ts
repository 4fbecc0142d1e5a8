/**
 * So many good answers of those who can give one: as many are asked at first, another one for each that fails, and another one for
 * each that takes longer than it usually does (hedged requests: Dean and Barroso 2013, "The Tail at Scale").
 *
 * @module
 */

export interface Gathering<Holder, Answer> {
  /** Those to be asked first come first. */
  readonly candidates: readonly Holder[]
  readonly need: number
  /** undefined: no good. A rejection is a fault of ours, and ends it all. */
  ask(holder: Holder): Promise<Answer | undefined>
  /** After so long the next one is asked, too. */
  hedgeMs(holder: Holder): number
  /** Asked then: whether that may be. */
  mayHedge?(): boolean
  /** Whoever has not answered after it is not waited for. */
  readonly deadlineMs: number
}

/** Fewer than needed when nobody is left to ask, or the time is over. */
export function gather<Holder, Answer>({
  candidates,
  need,
  ask,
  hedgeMs,
  mayHedge = () => true,
  deadlineMs,
}: Gathering<Holder, Answer>): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = []
    const timers = new Set<NodeJS.Timeout>()
    let next = 0
    let waiting = 0
    let isOver = false
    const stop = (): void => {
      isOver = true
      for (const timer of timers) clearTimeout(timer)
    }
    const end = (): void => {
      stop()
      resolve(answers)
    }
    const fail = (error: unknown): void => {
      stop()
      reject(error)
    }
    const after = (ms: number, call: () => void): NodeJS.Timeout => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        call()
      }, ms)
      timers.add(timer)
      return timer
    }
    const askNext = (): void => {
      const holder = candidates[next]
      if (holder === undefined || isOver) return
      next++
      waiting++
      const hedge = after(hedgeMs(holder), () => {
        if (next < candidates.length && mayHedge()) askNext()
      })
      ask(holder).then((answer) => {
        clearTimeout(hedge)
        timers.delete(hedge)
        waiting--
        if (isOver) return
        if (answer === undefined) askNext()
        else answers.push(answer)
        if (answers.length >= need || waiting === 0) end()
      }, fail)
    }
    after(deadlineMs, end)
    for (let i = 0; i < need; i++) askNext()
    if (waiting === 0) end()
  })
}
