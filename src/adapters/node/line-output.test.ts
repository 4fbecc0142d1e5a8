import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { lineOutput } from './line-output.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-lines-'))
after(() => rmSync(folder, { recursive: true }))

async function until(isSo: () => boolean): Promise<void> {
  for (const limit = Date.now() + 20_000; !isSo(); ) {
    assert.ok(Date.now() < limit, 'waited too long')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('lineOutput()', () => {
  it('appends to a file for its owner, and goes on in a new one when it was moved away', async () => {
    const path = join(folder, 'eve.json')
    const output = lineOutput(path, assert.fail)
    output.write('one')
    output.write('two')
    await until(() => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 8)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    renameSync(path, `${path}.1`)
    output.write('three')
    await output.close()
    assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\ntwo\n')
    assert.equal(readFileSync(path, 'utf8'), 'three\n')
    assert.equal(output.dropped, 0)
  })

  it('keeps what cannot be written, says so once, and writes it in order when it can', async () => {
    const place = join(folder, 'missing')
    const states: (string | undefined)[] = []
    const output = lineOutput(join(place, 'eve.json'), (state) => states.push(state))
    output.write('one')
    await until(() => states.length === 1)
    output.write('two')
    mkdirSync(place)
    await until(() => states.length === 2)
    await output.close()
    assert.deepEqual(states, ['ENOENT', undefined])
    assert.equal(readFileSync(join(place, 'eve.json'), 'utf8'), 'one\ntwo\n')
  })

  it('drops the oldest of too many, and what is left when it is closed', async () => {
    const output = lineOutput(join(folder, 'never', 'eve.json'), () => {})
    for (let i = 0; i < 10_500; i++) output.write(String(i))
    await until(() => output.dropped === 500)
    await output.close()
    assert.equal(output.dropped, 10_500)
  })

  it('sends over a socket, and to the next listener when the first has gone', async () => {
    const path = join(folder, 'eve.socket')
    let text = ''
    const listen = async () => {
      const sockets: Socket[] = []
      const server = createServer((socket) => {
        sockets.push(socket)
        socket.setEncoding('utf8').on('data', (more) => {
          text += more
        })
      })
      server.listen(path)
      await once(server, 'listening')
      return { server, sockets }
    }
    const output = lineOutput(`unix:${path}`, () => {})
    output.write('early')
    const first = await listen()
    await until(() => text === 'early\n')
    for (const socket of first.sockets) socket.destroy()
    await once(first.server.close(), 'close')
    const second = await listen()
    // The line that finds out that nobody is there may be lost.
    await until(() => {
      output.write('again')
      return text.includes('again\n')
    })
    await output.close()
    for (const socket of second.sockets) socket.destroy()
    second.server.close()
  })
})
