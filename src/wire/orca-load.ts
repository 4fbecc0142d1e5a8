/**
 * What a server says of its load in the head of an answer: an ORCA load report (`xds.data.orca.v3.OrcaLoadReport`) in one of the
 * forms of the field `endpoint-load-metrics`:
 *
 * | value | what |
 * |---|---|
 * | `TEXT cpu_utilization=0.3, named_metrics.queue=12` | pairs, with `=` or `:` between; the format may be left out |
 * | `JSON {"cpu_utilization": 0.3}` | the same names; maps are objects |
 * | `BIN CgYK...` | base64 of the protobuf message; so is all of `endpoint-load-metrics-bin` |
 *
 * Strict: one bad number, name or octet, and there is no report. Fields and metrics not named here are passed over. The protobuf is
 * read by `orca-message.ts`.
 *
 * @module
 */
import { decodeBase64 } from './base64.ts'
import { readOrcaMessage } from './orca-message.ts'

/** Of a server: what it says, which nobody has measured. Missing is what it does not say. */
export interface OrcaLoad {
  /** Of what it may have; 1 is all of it, more is beyond a limit of its own. At most {@link UTILIZATION_MAX}. */
  readonly cpu?: number
  readonly application?: number
  /** 0 to 1. */
  readonly memory?: number
  /** Requests per second, of all it serves. */
  readonly requestsPerSecond?: number
  readonly errorsPerSecond?: number
  /** Shares of other resources, 0 to 1, in the order they came. */
  readonly utilization: readonly NamedMetric[]
  /** The application's own: any measure. */
  readonly named: readonly NamedMetric[]
}

export interface NamedMetric {
  readonly name: string
  readonly value: number
}

/** As of a field value; HAProxy and Envoy take heads of 16 and 60 KiB in all. A report of all fields and 32 metrics fits. */
export const ORCA_CHARS_MAX = 4096
/** Of both kinds together. */
export const ORCA_METRICS_MAX = 32
/** A soft limit that is exceeded tenfold tells no more than that; what is above counts as this. */
export const UTILIZATION_MAX = 10

const NAME = /^[A-Za-z0-9_./-]{1,64}$/
/** As JSON writes numbers, with a leading point or plus as C does. No hex, no infinity. */
const NUMBER = /^\+?(?:\d{1,20}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?$/

type Scalar = Exclude<keyof OrcaLoad, 'utilization' | 'named'>

const SCALARS: ReadonlyMap<string, Scalar> = new Map([
  ['cpu_utilization', 'cpu'],
  ['mem_utilization', 'memory'],
  ['application_utilization', 'application'],
  ['rps_fractional', 'requestsPerSecond'],
  ['eps', 'errorsPerSecond'],
] as const)
const MAPS = ['utilization', 'named_metrics'] as const

/**
 * @param value of the field, one character per octet
 * @param isBinary it is that of `endpoint-load-metrics-bin`
 * @returns undefined when it is no report, or says nothing
 */
export function readOrcaLoad(value: string, isBinary: boolean): OrcaLoad | undefined {
  if (value.length > ORCA_CHARS_MAX) return undefined
  const text = value.trim()
  const draft = new OrcaDraft()
  const isRead = isBinary ? readBinary(text, draft) : readFormat(text, draft)
  return isRead && draft.said > 0 ? draft.load() : undefined
}

function readFormat(text: string, draft: OrcaDraft): boolean {
  const [, format, rest = ''] = /^(TEXT|JSON|BIN) +(.*)$/s.exec(text) ?? []
  if (format === 'JSON') return readJson(rest, draft)
  if (format === 'BIN') return readBinary(rest, draft)
  return readText(format === 'TEXT' ? rest : text, draft)
}

/** A report as it is read: each name once, each number checked. */
class OrcaDraft {
  readonly #scalars = new Map<Scalar, number>()
  readonly #maps = {
    utilization: new Map<string, number>(),
    named_metrics: new Map<string, number>(),
  }
  /** Values that were taken. */
  said = 0

  /** A field by its name in the message. False when the value cannot be, or it was there before. */
  scalar(field: string, value: number): boolean {
    if (!isMeasure(value)) return false
    const name = SCALARS.get(field)
    if (name === undefined) return true
    if (this.#scalars.has(name)) return false
    this.#scalars.set(name, clamped(name, value))
    this.said++
    return true
  }

  /** An entry of a map. @param isAgain whether a name may come twice, the last counts: so it is in protobuf */
  entry(map: (typeof MAPS)[number], name: string, value: number, isAgain = false): boolean {
    if (!isMeasure(value) || !NAME.test(name)) return false
    const entries = this.#maps[map]
    if (entries.has(name) && !isAgain) return false
    entries.set(name, map === 'utilization' ? Math.min(1, value) : value)
    this.said++
    return this.#maps.utilization.size + this.#maps.named_metrics.size <= ORCA_METRICS_MAX
  }

  load(): OrcaLoad {
    const listed = (map: ReadonlyMap<string, number>) =>
      [...map].map(([name, value]) => ({ name, value }))
    return {
      ...Object.fromEntries(this.#scalars),
      utilization: listed(this.#maps.utilization),
      named: listed(this.#maps.named_metrics),
    }
  }
}

/** All of them are: also of what the application measures less than nothing is taken for a mistake. */
function isMeasure(value: number): boolean {
  return Number.isFinite(value) && value >= 0
}

function clamped(name: Scalar, value: number): number {
  if (name === 'memory') return Math.min(1, value)
  return name === 'cpu' || name === 'application' ? Math.min(UTILIZATION_MAX, value) : value
}

function readText(text: string, draft: OrcaDraft): boolean {
  const pairs = text.split(',', ORCA_METRICS_MAX + SCALARS.size + 1)
  return (
    pairs.length <= ORCA_METRICS_MAX + SCALARS.size && pairs.every((pair) => readPair(pair, draft))
  )
}

function readPair(pair: string, draft: OrcaDraft): boolean {
  const at = pair.search(/[=:]/)
  const name = pair.slice(0, Math.max(0, at)).trim()
  const digits = pair.slice(at + 1).trim()
  if (at < 0 || !NAME.test(name) || !NUMBER.test(digits)) return false
  const value = Number(digits)
  const map = MAPS.find((each) => name.startsWith(`${each}.`))
  return map === undefined
    ? draft.scalar(name, value)
    : draft.entry(map, name.slice(map.length + 1), value)
}

function readJson(text: string, draft: OrcaDraft): boolean {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return false
  }
  if (!isObject(read)) return false
  const fields = Object.entries(read)
  if (fields.length > ORCA_METRICS_MAX) return false
  return fields.every(([field, value]) => {
    const map = MAPS.find((each) => each === field)
    if (map !== undefined) {
      if (!isObject(value)) return false
      return Object.entries(value).every(
        ([name, one]) => typeof one === 'number' && draft.entry(map, name, one),
      )
    }
    // Of a field that nobody knows the value may be anything.
    return SCALARS.has(field) ? typeof value === 'number' && draft.scalar(field, value) : true
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readBinary(text: string, draft: OrcaDraft): boolean {
  const bytes = decodeBase64(text)
  return bytes !== undefined && readOrcaMessage(bytes, draft)
}
