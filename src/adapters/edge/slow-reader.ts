/**
 * A client that does not take what is written as fast as it comes: how long it may go on so. The same for HTTP/1.1 and
 * HTTP/2.
 *
 * @module
 */
import type { TimeoutSettings } from '../../ports/data-plane.ts'

export class SlowReader {
  #since = 0
  #bytes = 0

  get isSlow(): boolean {
    return this.#since > 0
  }

  /**
   * It lags, by `bytes` more than was known.
   *
   * @param lately by the monotonic clock, ms
   * @returns until when it may
   */
  lags(bytes: number, lately: number, timeouts: TimeoutSettings): number {
    if (this.#since === 0) {
      this.#since = lately
      this.#bytes = 0
    }
    this.#bytes += bytes
    const { readMs, readBytesPerSecondMin } = timeouts
    return this.#since + readMs + (this.#bytes * 1000) / readBytesPerSecondMin
  }

  caughtUp(): void {
    this.#since = 0
  }
}
