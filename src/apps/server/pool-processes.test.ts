import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { freePortRow } from '../../../test/free-ports.ts'
import { PoolProcesses, type PoolProcessesOptions } from './pool-processes.ts'

/** Listens on the port it is given, and heeds SIGTERM. */
const SERVER = `require('node:http').createServer((_, response) => response.end('here'))
  .listen(Number(process.argv[1]), '127.0.0.1')`
const WITHIN_MS = 20_000
const PROCESSES_MAX = 3

async function until(what: string, is: () => boolean): Promise<void> {
  const deadline = Date.now() + WITHIN_MS
  while (!is()) {
    if (Date.now() > deadline) throw new Error(`Not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function pool(test: TestContext, more: Partial<PoolProcessesOptions> = {}) {
  const portFrom = await freePortRow(PROCESSES_MAX)
  const did: string[] = []
  const drained: string[] = []
  const world = { inFlight: 0, changes: 0, mayAct: true }
  const processes = new PoolProcesses({
    command: [process.execPath, '-e', SERVER, '{port}'],
    ...{ portFrom, max: PROCESSES_MAX, cwd: '.', env: {}, readyPath: '/', startUpS: 1 },
    ...{ owner: '/test/pool', drainMs: 5000, now: () => Date.now() },
    changed: async () => {
      world.changes++
    },
    drain: (id, draining) => drained.push(`${id} ${draining}`),
    inFlight: () => world.inFlight,
    act: (what, server) => {
      if (world.mayAct) did.push(`${what} ${server}`)
      return world.mayAct
    },
    ...more,
  })
  test.after(() => processes.close())
  const phases = () => processes.views().map(({ phase }) => phase)
  const [first, second] = [`p${portFrom}`, `p${portFrom + 1}`]
  return { processes, did, drained, world, phases, first, second, portFrom }
}

describe('PoolProcesses', () => {
  it('starts as many as are wanted, and no more than there is room for', async (test) => {
    const { processes, phases, world, first, portFrom } = await pool(test)
    processes.scaleTo(9, 'a crowd')
    assert.deepEqual(processes.counts(), { ready: 0, coming: 3 })
    assert.deepEqual(processes.served(), [])
    await until('ready', () => phases().every((phase) => phase === 'ready'))
    assert.equal(world.changes, 3)
    const [one] = processes.views()
    assert.deepEqual([one?.id, one?.port, one?.restarts], [first, portFrom, 0])
    assert.equal(await (await fetch(`http://127.0.0.1:${portFrom}/`)).text(), 'here')
  })

  it('stops the newest, once nothing is in flight there, and the pool knows it no more', async (test) => {
    const { processes, phases, did, drained, world, second } = await pool(test)
    processes.scaleTo(1, 'one')
    await until('ready', () => phases().join() === 'ready')
    processes.scaleTo(2, 'two')
    await until('ready', () => phases().join() === 'ready,ready')
    const { pid = 0 } = processes.views()[1] ?? {}
    world.inFlight = 1
    did.length = 0
    processes.scaleTo(1, 'fewer')
    assert.deepEqual([phases(), drained], [['ready', 'draining'], [`${second} true`]])
    await new Promise((resolve) => setTimeout(resolve, 2000))
    assert.equal(phases()[1], 'draining', 'a request is in flight')
    assert.equal(processes.served().length, 2)
    const { changes } = world
    world.inFlight = 0
    await until('gone', () => phases().length === 1)
    assert.deepEqual(did, [`drain ${second}`, `stop ${second}`])
    assert.equal(world.changes, changes + 1)
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  it('stops one that does not drain at the deadline', async (test) => {
    const { processes, phases, world } = await pool(test, { drainMs: 200 })
    processes.scaleTo(1, 'one')
    await until('ready', () => phases().join() === 'ready')
    world.inFlight = 1
    processes.scaleTo(0, 'none')
    await until('gone', () => phases().length === 0)
  })

  it('takes one back that drains, before it starts another', async (test) => {
    const { processes, phases, did, drained, world, first } = await pool(test)
    processes.scaleTo(1, 'one')
    await until('ready', () => phases().join() === 'ready')
    world.inFlight = 1
    processes.scaleTo(0, 'none')
    processes.scaleTo(1, 'one after all')
    assert.deepEqual(phases(), ['ready'])
    assert.deepEqual(drained, [`${first} true`, `${first} false`])
    assert.equal(did.at(-1), `resume ${first}`)
    world.inFlight = 0
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.deepEqual(phases(), ['ready'])
  })

  it('starts one again that died, after a pause', async (test) => {
    const { processes, phases, did, first, world } = await pool(test)
    processes.scaleTo(1, 'one')
    await until('ready', () => phases().join() === 'ready')
    const { changes } = world
    process.kill(processes.views()[0]?.pid ?? 0, 'SIGKILL')
    await until('waiting', () => phases().join() === 'waiting')
    assert.deepEqual([processes.served(), world.changes], [[], changes + 1])
    await until('ready', () => phases().join() === 'ready')
    assert.equal(processes.views()[0]?.restarts, 1)
    assert.deepEqual(did.slice(-3), [`died ${first}`, `restart ${first}`, `ready ${first}`])
  })

  it('does not take another program on its port for one of its own', async (test) => {
    const { processes, phases, did, portFrom, first } = await pool(test)
    const other = createServer((_, response) => response.end('other')).listen(portFrom, '127.0.0.1')
    await once(other, 'listening')
    processes.scaleTo(1, 'one')
    await until('waiting', () => phases().join() === 'waiting')
    assert.deepEqual(did, [`start ${first}`, `died ${first}`])
    other.closeAllConnections()
    other.close()
    await until('ready', () => phases().join() === 'ready')
  })

  it('starts nothing that may not be', async (test) => {
    const { processes, world } = await pool(test)
    world.mayAct = false
    processes.scaleTo(2, 'two')
    assert.deepEqual(processes.views(), [])
  })
})
