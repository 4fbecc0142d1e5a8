/**
 * What a process and its children have used, from /proc (Linux): CPU time in ticks, resident memory.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks per second: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

function processTree(root: number): number[] {
  const tree = [root]
  try {
    for (const task of readdirSync(`/proc/${root}/task`)) {
      const children = readFileSync(`/proc/${root}/task/${task}/children`, 'utf8').trim()
      for (const child of children.split(' ').filter((pid) => pid !== '')) {
        tree.push(...processTree(Number(child)))
      }
    }
  } catch {
    // Gone meanwhile.
  }
  return tree
}

/** User and system time of the tree so far, in microseconds. Children that ended do not count. */
export function cpuMicros(root: number): number {
  let ticks = 0
  for (const pid of processTree(root)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // Gone meanwhile.
    }
  }
  return (ticks * 1e6) / TICKS_PER_SECOND
}

/** Resident memory of the tree, bytes. Pages shared between processes count in each. */
export function residentBytes(root: number): number {
  let kilobytes = 0
  for (const pid of processTree(root)) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      kilobytes += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
    } catch {
      // Gone meanwhile.
    }
  }
  return kilobytes * 1024
}
