/**
 * Processes that stand still for longer than their timeouts, as those of a machine that is moved, or has too much to do: what
 * has come meanwhile has come in time.
 *
 * @module
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '../free-ports.ts'
import {
  type LimenUnderTest,
  type Origin,
  startLimen,
  startOrigins,
  until,
} from './fleet-under-test.ts'

const TIMEOUT_MS = 2000
/** Well over what is waited for an answer, and the sweep's own interval. */
const STILL_MS = 4000
/** For what is under way by then: less than is waited for. */
const BEFORE_MS = 300
const WITHIN_MS = 20_000

describe('processes that stood still', () => {
  let limen: LimenUnderTest
  let origins: Origin[] = []
  let port = 0
  let worker = 0

  before(async () => {
    origins = await startOrigins('a')
    ;[port = 0] = await freePorts(1)
    limen = await startLimen({
      workers: 1,
      listeners: [{ name: 'plain', address: `127.0.0.1:${port}` }],
      pools: [
        {
          name: 'site',
          servers: origins.map((one) => ({ id: one.id, address: `127.0.0.1:${one.port}` })),
        },
      ],
      routes: [{ pool: 'site' }],
      timeouts: { firstByteMs: TIMEOUT_MS, headMs: TIMEOUT_MS, bodyMs: TIMEOUT_MS },
    })
    worker = (await limen.workers())[0]?.pid ?? 0
    assert.ok(worker > 0)
  })

  after(async () => {
    await limen?.clean()
    await Promise.all(origins.map((one) => one.clean()))
  })

  /** Stops the worker for longer than anything is waited for. */
  async function standStill(): Promise<void> {
    process.kill(worker, 'SIGSTOP')
    await delay(STILL_MS)
    process.kill(worker, 'SIGCONT')
  }
  /** The status line of the answer to a request of which the second piece comes while the worker stands still. */
  async function askInPieces(first: string, second: string): Promise<string> {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
    let answer = ''
    socket.on('data', (octets) => {
      answer += octets.toString('latin1')
    })
    socket.write(first)
    await delay(BEFORE_MS)
    const stood = standStill()
    await delay(BEFORE_MS)
    socket.write(second)
    await stood
    await until('an answer', WITHIN_MS, () => answer.includes('\r\n'))
    socket.destroy()
    return answer.slice(0, answer.indexOf('\r\n'))
  }

  it('pass on the answer of a server that has come', async () => {
    const asked = fetch(`http://127.0.0.1:${port}/slow?ms=${2 * BEFORE_MS}`)
    await delay(BEFORE_MS)
    await standStill()
    const answer = await asked
    assert.equal(answer.status, 200)
    assert.equal(await answer.text(), `a /slow?ms=${2 * BEFORE_MS}`)
  })

  it('read the rest of a request that has come', async () => {
    const head = await askInPieces('GET /who/head HTTP/1.1\r\nHost: ', 'a.test\r\n\r\n')
    assert.match(head, /^HTTP\/1\.1 200 /)
    const post = 'POST /keep/body HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n01234'
    assert.match(await askInPieces(post, '56789'), /^HTTP\/1\.1 200 /)
  })

  it('are the same workers as before', async () => {
    const [same] = await limen.workers()
    assert.deepEqual([same?.pid, same?.restarts, same?.state], [worker, 0, 'serving'])
  })
})
