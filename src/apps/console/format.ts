/**
 * Numbers as a person reads them. Always the same number of digits for the same size, so that columns
 * and tiles do not jump.
 *
 * @module
 */
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** What stands for a value that is not known. */
export const NONE = '–'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en', {
  notation: 'compact',
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
})

/** A number and its unit, apart so that the unit can be set smaller. */
export interface Quantity {
  readonly value: string
  readonly unit: string
}

export function text(quantity: Quantity): string {
  return quantity.unit === '' ? quantity.value : `${quantity.value} ${quantity.unit}`
}

/** 0, 950, 12,345, then 1.23M. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return NONE
  return Math.abs(count) < 1_000_000 ? whole.format(count) : compact.format(count)
}

/** Per second: 0, 3.4, 120, 12,345. One decimal below ten. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return NONE
  if (perSecond === 0) return '0'
  return perSecond < 9.95 ? perSecond.toFixed(1) : formatCount(perSecond)
}

/** 0.42 ms, 4.2 ms, 42 ms, 1.20 s, 42 s. */
export function formatMs(ms: number): Quantity {
  if (!Number.isFinite(ms)) return { value: NONE, unit: '' }
  if (ms < 0.995) return { value: ms.toFixed(2), unit: 'ms' }
  if (ms < 9.95) return { value: ms.toFixed(1), unit: 'ms' }
  if (ms < 999.5) return { value: ms.toFixed(0), unit: 'ms' }
  if (ms < 9995) return { value: (ms / SECOND).toFixed(2), unit: 's' }
  return { value: (ms / SECOND).toFixed(0), unit: 's' }
}

/** Powers of 1000: 0 B, 999 B, 1.5 kB, 15 kB, 1.5 MB. */
export function formatBytes(bytes: number): Quantity {
  if (!Number.isFinite(bytes)) return { value: NONE, unit: '' }
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let index = 0
  while (value >= 999.5 && index < units.length - 1) {
    value /= 1000
    index += 1
  }
  const digits = index > 0 && value < 9.95 ? 1 : 0
  return { value: value.toFixed(digits), unit: units[index] ?? '' }
}

/** The two largest units: 4 s, 2 min 5 s, 3 h 12 min, 4 d 2 h. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return NONE
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's')
  if (ms < DAY) return pair(ms, HOUR, 'h', MINUTE, 'min')
  return pair(ms, DAY, 'd', HOUR, 'h')
}

function pair(ms: number, large: number, largeUnit: string, small: number, unit: string): string {
  const rest = Math.floor((ms % large) / small)
  const first = `${Math.floor(ms / large)} ${largeUnit}`
  return rest === 0 ? first : `${first} ${rest} ${unit}`
}

/** Share of 1: 0 %, <0.1 %, 0.4 %, 12 %, 100 %. */
export function formatShare(share: number): Quantity {
  if (!Number.isFinite(share)) return { value: NONE, unit: '' }
  const percent = share * 100
  if (percent > 0 && percent < 0.1) return { value: '<0.1', unit: '%' }
  const digits = percent > 0 && percent < 9.95 ? 1 : 0
  return { value: percent.toFixed(digits), unit: '%' }
}

/** A score has two decimals everywhere. */
export function formatScore(score: number): string {
  return Number.isFinite(score) ? score.toFixed(2) : NONE
}

/** 14:05:09, in the reader's time zone unless told another. */
export function formatClock(at: number, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(at)
}

/** 21 Nov 2025, 14:05:09. */
export function formatMoment(at: number, timeZone?: string): string {
  const day = new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(at)
  return `${day}, ${formatClock(at, timeZone)}`
}

/** `1 server`, `2 servers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
