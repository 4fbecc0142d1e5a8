/**
 * What Linux says of its load, as text (proc(5), cgroups(7)): read here, opened elsewhere. Each gives undefined for what is not such
 * a text.
 *
 * @module
 */

/** Sums since start, in ticks. */
export interface CpuTicks {
  readonly busy: number
  readonly all: number
}

/** The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. Guests are in user already. */
export function readCpuTicks(text: string): CpuTicks | undefined {
  const [line = ''] = text.split('\n', 1)
  const ticks = line.split(/ +/).slice(1, 9).map(Number)
  if (!line.startsWith('cpu ') || ticks.length < 4 || !ticks.every(isCount)) return undefined
  const all = ticks.reduce((sum, one) => sum + one, 0)
  const [, , , idle = 0, waiting = 0] = ticks
  return { busy: all - idle - waiting, all }
}

/** `/proc/meminfo`: the share of memory that is not available. */
export function readMemoryShare(text: string): number | undefined {
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1])
  const [total, available] = [kib('MemTotal'), kib('MemAvailable')]
  return total > 0 && available >= 0 ? Math.max(0, 1 - available / total) : undefined
}

export interface Octets {
  readonly received: number
  readonly sent: number
}

/** `/proc/net/dev`: of all interfaces but loopback, since start. */
export function readInterfaceOctets(text: string): Octets | undefined {
  const lines = text.split('\n').filter((line) => line.includes(':'))
  let [received, sent] = [0, 0]
  for (const line of lines) {
    const [name = '', counts = ''] = line.split(':')
    const fields = counts.trim().split(/ +/).map(Number)
    const [here, , , , , , , , there] = fields
    if (!isCount(here) || !isCount(there)) return undefined
    if (name.trim() === 'lo') continue
    received += here
    sent += there
  }
  return lines.length > 0 ? { received, sent } : undefined
}

/**
 * `/proc/self/cgroup`: the path of the group for a controller.
 *
 * @param controller '' for the one hierarchy of version 2
 */
export function readCgroupPath(text: string, controller: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path !== undefined && controllers?.split(',').includes(controller)) return path
  }
  return undefined
}

/** `cpu.max` of version 2: CPUs it may use; undefined for no limit. */
export function readCpuMax(text: string): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)\n?$/.exec(text) ?? []
  return cpusOf(Number(quota), Number(period))
}

/** A quota per period, microseconds; undefined for no limit, which is -1 in version 1. */
export function cpusOf(quota: number, period: number): number | undefined {
  return quota > 0 && period > 0 ? quota / period : undefined
}

/** A file of one number, as most of a group are; undefined also for `max`. */
export function readNumber(text: string): number | undefined {
  return /^-?\d{1,20}\n?$/.test(text) ? Number(text) : undefined
}

/** A file of lines `name number`, as `cpu.stat` and `memory.stat` are. */
export function readStat(text: string, name: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return line === undefined ? undefined : readNumber(line.slice(name.length + 1))
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0
}
