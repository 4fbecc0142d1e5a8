/**
 * What the fields of an answer say of time.
 *
 * @module
 */

/** A server that asks for more patience is not listened to. */
const RETRY_AFTER_MS_MAX = 10_000

/** Of `Retry-After` in seconds, within reason; 0 without. */
export function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0)
  return Number.isFinite(seconds) ? Math.min(RETRY_AFTER_MS_MAX, Math.max(0, seconds * 1000)) : 0
}

/** Of the `Date` field, milliseconds since 1970. */
export function dateOf(headers: Headers): number | undefined {
  const date = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(date) ? undefined : date
}
