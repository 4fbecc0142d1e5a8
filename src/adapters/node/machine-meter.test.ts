import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MachineMeter } from './machine-meter.ts'

type Files = Readonly<Record<string, string>>

const stat = (busy: number, idle: number) => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\n`
const net = (received: number, sent: number) => `eth0: ${received} 0 0 0 0 0 0 0 ${sent} 0\n`
const MEMORY = 'MemTotal: 1000 kB\nMemAvailable: 800 kB\n'

/** What is measured between two states of the files, two seconds apart. */
function measured(before: Files, after: Files) {
  let files = before
  const meter = new MachineMeter((path) => files[path])
  assert.equal(meter.look(1000), undefined)
  files = after
  const load = meter.look(3000)
  assert.ok(load)
  return load
}
const near = (got: number, wanted: number) => assert.ok(Math.abs(got - wanted) < 1e-9, `${got}`)

describe('MachineMeter', () => {
  const before = {
    '/proc/stat': stat(100, 100),
    '/proc/net/dev': net(1000, 50),
    '/proc/meminfo': MEMORY,
  }
  const after = { ...before, '/proc/stat': stat(130, 170), '/proc/net/dev': net(3000, 150) }

  it('measures the machine where no group has a limit', () => {
    const load = measured(before, after)
    near(load.cpu, 0.3)
    near(load.memory, 0.2)
    assert.deepEqual([load.receivedBytesPerSecond, load.sentBytesPerSecond], [1000, 50])
  })

  it('of a group of version 2 with a quota, its share of that, of the tightest around it', () => {
    const root = '/sys/fs/cgroup'
    const group = (usage: number) => ({
      '/proc/self/cgroup': '0::/site/app\n',
      [`${root}/site/app/cpu.max`]: 'max 100000\n',
      [`${root}/site/cpu.max`]: '50000 100000\n',
      [`${root}/site/cpu.stat`]: `usage_usec ${usage}\n`,
      [`${root}/site/app/memory.max`]: '1000\n',
      [`${root}/site/app/memory.current`]: '900\n',
      [`${root}/site/app/memory.stat`]: 'anon 1\ninactive_file 300\n',
      [`${root}/site/memory.max`]: 'max\n',
    })
    const load = measured({ ...before, ...group(5_000_000) }, { ...after, ...group(5_800_000) })
    // 0.8 s of CPU in 2 s, of half a CPU.
    near(load.cpu, 0.8)
    near(load.memory, 0.6)
  })

  it('of a group of version 1 likewise', () => {
    const root = '/sys/fs/cgroup'
    const group = (ns: number, quota: number) => ({
      '/proc/self/cgroup': '4:memory:/m\n2:cpu,cpuacct:/c\n',
      [`${root}/cpu/c/cpu.cfs_quota_us`]: `${quota}\n`,
      [`${root}/cpu/c/cpu.cfs_period_us`]: '100000\n',
      [`${root}/cpuacct/c/cpuacct.usage`]: `${ns}\n`,
      [`${root}/memory/m/memory.limit_in_bytes`]: '9223372036854771712\n',
      [`${root}/memory/m/memory.usage_in_bytes`]: '900\n',
      [`${root}/memory/memory.limit_in_bytes`]: '2000\n',
      [`${root}/memory/memory.usage_in_bytes`]: '1900\n',
      [`${root}/memory/memory.stat`]: 'inactive_file 1\ntotal_inactive_file 400\n',
    })
    const load = measured({ ...before, ...group(0, 100_000) }, { ...after, ...group(1e9, 100_000) })
    near(load.cpu, 0.5)
    near(load.memory, 0.75)
    const unlimited = measured({ ...before, ...group(0, -1) }, { ...after, ...group(1e9, -1) })
    near(unlimited.cpu, 0.3)
  })

  it('a machine that is full is full for a group too', () => {
    const root = '/sys/fs/cgroup'
    const group = {
      '/proc/self/cgroup': '0::/\n',
      [`${root}/cpu.max`]: '100000 100000\n',
      [`${root}/cpu.stat`]: 'usage_usec 5\n',
    }
    near(
      measured({ ...before, ...group }, { ...after, ...group, '/proc/stat': stat(200, 100) }).cpu,
      1,
    )
  })

  it('goes by Node where there are no such files, and counters that fall are nothing', () => {
    const load = measured({}, {})
    assert.ok(load.cpu >= 0 && load.cpu <= 1 && load.memory > 0 && load.memory < 1)
    assert.deepEqual([load.receivedBytesPerSecond, load.sentBytesPerSecond], [0, 0])
    const fell = measured(after, before)
    assert.deepEqual([fell.cpu, fell.receivedBytesPerSecond], [0, 0])
  })

  it('sees the work of this process on this machine', () => {
    const meter = new MachineMeter()
    meter.look(performance.now())
    const until = performance.now() + 300
    let sum = 0
    while (performance.now() < until) sum += Math.sqrt(sum + 1)
    const load = meter.look(performance.now())
    assert.ok(sum > 0 && load !== undefined)
    assert.ok(load.cpu > 0.02 && load.cpu <= 1, `${load.cpu}`)
    assert.ok(load.memory > 0 && load.memory < 1, `${load.memory}`)
  })
})
