/**
 * Measures the load of this machine, or of the cgroup it may use: CPU, memory, network. Linux, by `/proc` and cgroups of version 1 and
 * 2; elsewhere by what Node knows. Limits of a group are respected where they can be read: its CPU is then a share of its quota.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import type { MachineLoad } from '../../wire/machine-load.ts'
import {
  cpusOf,
  readCgroupPath,
  readCpuMax,
  readCpuTicks,
  readInterfaceOctets,
  readMemoryShare,
  readNumber,
  readStat,
} from '../../wire/proc-files.ts'

/** undefined where there is no such file. */
export type ReadFile = (path: string) => string | undefined

const CGROUPS = '/sys/fs/cgroup'
/** Of what a group uses, a limit above this is none: version 1 says no limit by nearly 2^63. */
const NO_LIMIT = 2 ** 60

/** Two looks apart are a measure. */
export class MachineMeter {
  readonly #read: ReadFile
  #last: Look | undefined

  constructor(read: ReadFile = readHere) {
    this.#read = read
  }

  /** Since the last look; undefined the first time. @param now ms, of a clock that only goes on */
  look(now: number): MachineLoad | undefined {
    const before = this.#last
    const look = this.#look(now)
    this.#last = look
    if (before === undefined || now <= before.at) return undefined
    const seconds = (now - before.at) / 1000
    const perSecond = (of: (one: Look) => number) => Math.max(0, of(look) - of(before)) / seconds
    return {
      cpu: clamp(cpuOf(before, look, seconds)),
      memory: clamp(this.#memory()),
      loadAverage: loadavg()[0] ?? 0,
      receivedBytesPerSecond: perSecond(({ received }) => received),
      sentBytesPerSecond: perSecond(({ sent }) => sent),
    }
  }

  #look(at: number): Look {
    const ticks = readCpuTicks(this.#text('/proc/stat')) ?? nodeTicks()
    const { received, sent } = readInterfaceOctets(this.#text('/proc/net/dev')) ?? NOTHING
    return { at, ...ticks, received, sent, group: this.#cpuOfGroup() }
  }

  /** The group that has a limit, of this process's own and those around it: the tightest. */
  #cpuOfGroup(): GroupCpu | undefined {
    const found = [...this.#groups('', ''), ...this.#groups('cpu', 'cpu')].flatMap((folder) => {
      const max = readCpuMax(this.#text(`${folder}/cpu.max`)) ?? this.#quota(folder)
      if (max === undefined) return []
      const usedS = this.#usedS(folder)
      return usedS === undefined ? [] : [{ max, usedS, folder }]
    })
    return found.sort((a, b) => a.max - b.max)[0]
  }

  #quota(folder: string): number | undefined {
    const [quota, period] = ['quota', 'period'].map((name) =>
      readNumber(this.#text(`${folder}/cpu.cfs_${name}_us`)),
    )
    return cpusOf(quota ?? -1, period ?? -1)
  }

  #usedS(folder: string): number | undefined {
    const usec = readStat(this.#text(`${folder}/cpu.stat`), 'usage_usec')
    if (usec !== undefined) return usec / 1e6
    const accounts = folder.replace(`${CGROUPS}/cpu`, `${CGROUPS}/cpuacct`)
    const ns = readNumber(this.#text(`${accounts}/cpuacct.usage`))
    return ns === undefined ? undefined : ns / 1e9
  }

  /** Of the fullest group that has a limit, else of the machine. */
  #memory(): number {
    const shares = [...this.#groups('', ''), ...this.#groups('memory', 'memory')].flatMap(
      (folder) => this.#memoryOf(folder) ?? [],
    )
    const machine = readMemoryShare(this.#text('/proc/meminfo')) ?? 1 - freemem() / totalmem()
    return Math.max(machine, ...shares)
  }

  #memoryOf(folder: string): number | undefined {
    const number = (...names: readonly string[]) =>
      names
        .map((name) => readNumber(this.#text(`${folder}/${name}`)))
        .find((one) => one !== undefined)
    const max = number('memory.max', 'memory.limit_in_bytes')
    const used = number('memory.current', 'memory.usage_in_bytes')
    if (max === undefined || used === undefined || max <= 0 || max > NO_LIMIT) return undefined
    // Files that were read once can be dropped at once: the kernel counts them as used.
    const stat = this.#text(`${folder}/memory.stat`)
    const files = readStat(stat, 'total_inactive_file') ?? readStat(stat, 'inactive_file') ?? 0
    return Math.max(0, used - files) / max
  }

  /** Folders of this process's group and those around it, the innermost first. */
  #groups(controller: string, mount: string): readonly string[] {
    const root = mount === '' ? CGROUPS : `${CGROUPS}/${mount}`
    const path = readCgroupPath(this.#text('/proc/self/cgroup'), controller)
    if (path === undefined) return []
    const parts = path.split('/').filter((part) => part !== '' && part !== '..')
    return Array.from({ length: parts.length + 1 }, (_, i) =>
      [root, ...parts.slice(0, parts.length - i)].join('/'),
    )
  }

  #text(path: string): string {
    return this.#read(path) ?? ''
  }
}

interface Look {
  readonly at: number
  readonly busy: number
  readonly all: number
  readonly received: number
  readonly sent: number
  readonly group: GroupCpu | undefined
}

interface GroupCpu {
  readonly folder: string
  /** CPUs it may use. */
  readonly max: number
  /** Seconds of CPU since it began. */
  readonly usedS: number
}

const NOTHING = { received: 0, sent: 0 }

/** The fuller of the two: a group may be held back by its quota, or by others on the machine. */
function cpuOf(before: Look, look: Look, seconds: number): number {
  const ticks = look.all - before.all
  const machine = ticks > 0 ? (look.busy - before.busy) / ticks : 0
  if (look.group === undefined || look.group.folder !== before.group?.folder) return machine
  const used = (look.group.usedS - before.group.usedS) / seconds
  return Math.max(machine, used / look.group.max)
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share))
}

function nodeTicks(): { readonly busy: number; readonly all: number } {
  const times = cpus().map((one) => one.times)
  const idle = times.reduce((sum, one) => sum + one.idle, 0)
  const busy = times.reduce((sum, one) => sum + one.user + one.nice + one.sys + one.irq, 0)
  return { busy, all: busy + idle }
}

function readHere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
