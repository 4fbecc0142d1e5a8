/**
 * What the agent on a machine (`limen load-agent`) answers to `GET /load`: JSON with the keys of {@link MachineLoad}. Keys not
 * named here are passed over; a number that is none, or below 0, and there is no answer.
 *
 * @module
 */

export interface MachineLoad {
  /** Share of the CPU it may use, over the last interval, 0 to 1. */
  readonly cpu: number
  /** Share of the memory it may use that is not to be had again at once, 0 to 1. */
  readonly memory: number
  /** Processes that run or wait, the mean of about one minute. */
  readonly loadAverage: number
  /** Bytes per second over the last interval, of all interfaces but loopback; 0 where that cannot be read. */
  readonly receivedBytesPerSecond: number
  readonly sentBytesPerSecond: number
}

/** An answer takes about 150. */
export const MACHINE_LOAD_CHARS_MAX = 4096

const KEYS = [
  'cpu',
  'memory',
  'loadAverage',
  'receivedBytesPerSecond',
  'sentBytesPerSecond',
] as const

/** @param at when it was measured, ms since 1970: for people; whoever asks goes by a clock of its own */
export function writeMachineLoad(load: MachineLoad, at: number): string {
  return JSON.stringify({ ...load, at })
}

/** undefined when it is no such answer. Shares above 1 count as 1. */
export function readMachineLoad(text: string): MachineLoad | undefined {
  if (text.length > MACHINE_LOAD_CHARS_MAX) return undefined
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(read))
  const [cpu, memory, ...others] = KEYS.map((key) => measure(fields.get(key)))
  const [loadAverage, receivedBytesPerSecond, sentBytesPerSecond] = others
  if (cpu === undefined || memory === undefined || loadAverage === undefined) return undefined
  if (receivedBytesPerSecond === undefined || sentBytesPerSecond === undefined) return undefined
  const shares = { cpu: Math.min(1, cpu), memory: Math.min(1, memory) }
  return { ...shares, loadAverage, receivedBytesPerSecond, sentBytesPerSecond }
}

function measure(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}
