import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { makeClusterAuthority } from '../../adapters/node/cluster-authority.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { type ApiListener, listenForClients } from './api-listener.ts'

let listener: ApiListener
let authority = ''
before(async () => {
  const made = await makeClusterAuthority('test', systemClock, systemRandom())
  authority = made.certificate
  listener = await listenForClients({
    ...{ host: '127.0.0.1', port: 0, authority, connectionsMax: 4 },
    ...(await made.issue('limen://test/server/api')),
    handlerFor: () => ({
      admit: ({ target }) =>
        target === '/known' ? { bodyBytesMax: 10 } : { status: 403, body: '{}' },
      handle: async () => ({ status: 200, body: '{}' }),
      refuse: (status) => ({ status, body: '{}' }),
    }),
  })
})
after(async () => await listener.close())

async function open(): Promise<TLSSocket> {
  const { port } = listener
  const socket = connect({
    ...{ host: '127.0.0.1', port, ca: authority, checkServerIdentity: () => undefined },
  })
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve))
  return socket
}

/** The status, or nothing when it is closed. */
async function ask(socket: TLSSocket, target: string): Promise<string> {
  if (socket.destroyed) return ''
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return await new Promise((resolve) => {
    socket.once('data', (answer) => resolve(answer.toString().slice(9, 12)))
    socket.once('close', () => resolve(''))
  })
}

describe('listenForClients()', () => {
  it('lets the longest idle stranger give way when all places are taken', async () => {
    const first = await open()
    const second = await open()
    const third = await open()
    const known = await open()
    assert.equal(await ask(known, '/known'), '200')
    // A stranger that has asked just now is idle no longer than the others.
    assert.equal(await ask(first, '/no'), '403')
    const gone = once(second, 'close')
    const next = await open()
    assert.equal(await ask(next, '/known'), '200')
    await gone
    for (const socket of [third, first]) {
      const closed = once(socket, 'close')
      assert.equal(await ask(await open(), '/known'), '200')
      await closed
    }
    // All are known now.
    assert.equal(await ask(await open(), '/known'), '')
    assert.equal(await ask(known, '/known'), '200')
    known.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(await ask(await open(), '/known'), '200')
  })
})
