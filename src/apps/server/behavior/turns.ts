/**
 * Work that is done one piece after the other, in the order it came. What fails stops nothing that comes after it. How much may wait
 * is for whoever brings it: {@link Turns.waiting}.
 *
 * @module
 */
type Work = () => Promise<void> | void

export class Turns {
  readonly #waiting: Work[] = []
  readonly #onError: (error: unknown) => void
  #working: Promise<void> | undefined

  /** @param onError told of work that fails, whose caller does not wait for it */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** What has not begun yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Nobody waits for it. */
  soon(work: Work): void {
    this.#waiting.push(work)
    this.#working ??= this.#work()
  }

  /** Resolves or rejects as the work does, once its turn has come. */
  ask<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.soon(() => work().then(resolve, reject))
    })
  }

  /** Resolves when nothing waits or is being done. */
  async over(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      try {
        await work()
      } catch (error) {
        this.#onError(error)
      }
    }
    this.#working = undefined
  }
}
