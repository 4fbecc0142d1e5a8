/**
 * {@link LoadSource} of what is measured now: the CPU of this machine, and requests in flight over the connections to
 * upstream servers. It looks a few seconds back, not ahead: `ahead` is `now`.
 *
 * @module
 */
import { cpus } from 'node:os'
import type { Clock } from '../../ground/clock.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import type { LoadOutlook, LoadSource } from '../../ports/load-outlook.ts'

export interface MeasuredLoad extends LoadSource {
  close(): void
}

export interface MeasuredLoadOptions {
  readonly clock: Clock
  /** Requests in flight over how many there may be, 0 to 1. */
  inFlightShare(): number
  /** Sums over all cores since start, ms; those of the machine without it. */
  readonly cpuTimes?: () => CpuTimes
  /** Asked for every second; a timer without it. Returns the way to stop. */
  readonly every?: (look: () => void) => () => void
}

export interface CpuTimes {
  readonly busy: number
  readonly idle: number
}

const LOOK_MS = 1_000
/** A peak of a second is none: about the last ten count (a weight of 1 - e^(-1/10)). */
const WEIGHT = 0.095
/** Nobody does anything else before it has changed by so much. */
const STEP = 0.05
/** Below that all is well, however well. */
const CALM = 0.7
/** Those who go by it hold it for stale after a minute. */
const AGAIN_LOOKS = 20

export function measuredLoad(options: MeasuredLoadOptions): MeasuredLoad {
  const { clock, inFlightShare, cpuTimes = machineTimes, every = eachSecond } = options
  const listeners = new Set<() => void>()
  let last = cpuTimes()
  let level: number | undefined
  let outlook: LoadOutlook | undefined
  let told = 0
  let looks = 0
  const look = (): void => {
    const times = cpuTimes()
    const [busy, idle] = [times.busy - last.busy, times.idle - last.idle]
    last = times
    const share = busy + idle > 0 ? busy / (busy + idle) : 0
    const load = Math.max(share, inFlightShare())
    level = level === undefined ? load : level + (load - level) * WEIGHT
    outlook = { now: level, ahead: level, aheadS: 0, at: clock.now() }
    looks++
    const calm = Math.max(CALM, level)
    const isOld = told > CALM && looks >= AGAIN_LOOKS
    if (Math.abs(calm - Math.max(CALM, told)) < STEP && !isOld) return
    told = level
    looks = 0
    for (const listener of listeners) listener()
  }
  const stop = every(look)
  return {
    outlook: () => outlook,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: stop,
  }
}

/** @param capacity connections there may be to all upstream servers; 0 where nobody is served */
export function inFlightShare(plane: Pick<DataPlane, 'upstreams'>, capacity: number): number {
  const inFlight = plane.upstreams().reduce((sum, one) => sum + one.inFlight, 0)
  return capacity === 0 ? 0 : inFlight / capacity
}

function machineTimes(): CpuTimes {
  let [busy, idle] = [0, 0]
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq
    idle += times.idle
  }
  return { busy, idle }
}

function eachSecond(look: () => void): () => void {
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
