import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  cpusOf,
  readCgroupPath,
  readCpuMax,
  readCpuTicks,
  readInterfaceOctets,
  readMemoryShare,
  readNumber,
  readStat,
} from './proc-files.ts'

describe('files of proc(5)', () => {
  it('/proc/stat: all but idle and iowait is busy; guests count once', () => {
    const text = 'cpu  100 10 50 800 40 1 9 5 60 2\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n'
    assert.deepEqual(readCpuTicks(text), { busy: 175, all: 1015 })
    for (const bad of ['', 'cpu', 'cpu  1 2 x 4', 'cpu  1 2', 'cpu0 1 2 3 4', 'cpu  1 2 3 -4']) {
      assert.equal(readCpuTicks(bad), undefined, bad)
    }
  })

  it('/proc/meminfo: what is not available is used', () => {
    const text = 'MemTotal:       1000 kB\nMemFree:  100 kB\nMemAvailable:    250 kB\n'
    assert.equal(readMemoryShare(text), 0.75)
    assert.equal(readMemoryShare('MemTotal: 0 kB\nMemAvailable: 0 kB\n'), undefined)
    assert.equal(readMemoryShare('MemTotal: 5 kB\n'), undefined)
  })

  it('/proc/net/dev: all interfaces but loopback', () => {
    const text =
      'Inter-|   Receive                                                |  Transmit\n' +
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n' +
      '    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n' +
      '  eth0: 3522762280  116372    0    0    0     0          0         0 10725829   86703    0    0    0     0       0          0\n' +
      'wlan0:20 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n'
    assert.deepEqual(readInterfaceOctets(text), { received: 3_522_762_300, sent: 10_725_836 })
    assert.equal(readInterfaceOctets(''), undefined)
    assert.equal(readInterfaceOctets('eth0: 1 2\n'), undefined)
  })
})

describe('files of cgroups(7)', () => {
  it('the path by controller, and of version 2', () => {
    const text = '4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/user.slice\n'
    assert.deepEqual(
      ['memory', 'cpu', 'cpuacct', '', 'pids'].map((name) => readCgroupPath(text, name)),
      ['/a/b', '/c', '/c', '/user.slice', undefined],
    )
  })

  it('limits, and that there is none', () => {
    assert.deepEqual([readCpuMax('150000 100000\n'), readCpuMax('max 100000\n')], [1.5, undefined])
    assert.deepEqual([cpusOf(50_000, 100_000), cpusOf(-1, 100_000)], [0.5, undefined])
    assert.deepEqual(
      [readNumber('12\n'), readNumber('-1\n'), readNumber('max\n')],
      [12, -1, undefined],
    )
    assert.equal(readStat('usage_usec 77\nuser_usec 5\n', 'user_usec'), 5)
    assert.equal(readStat('usage_usec 77\n', 'usage'), undefined)
  })
})

it('whatever stands in them: nothing, or numbers that are not negative', () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'cpu 0:1\n-x.kB9maxeth/'), maxLength: 80 }),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (any) => {
      const found = [
        ...Object.values(readCpuTicks(any) ?? {}),
        ...Object.values(readInterfaceOctets(any) ?? {}),
        readMemoryShare(any) ?? 0,
        readCpuMax(any) ?? 0,
      ]
      for (const one of found) assert.ok(one >= 0 && Number.isFinite(one), any)
    }),
    { numRuns: 20_000, seed: 46_219_083 },
  )
})
