/**
 * Time, passed in. Nothing below `adapters/` reads a clock: it is handed one.
 *
 * @module
 */

/** Reads the time now, in whole milliseconds since the Unix epoch (UTC). */
export interface Clock {
  now(): number
}
