/**
 * `examples/camera` as its README says: one command, and pictures come out while keys change.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import { freeMediaPort, HOST, startProcess, until } from './device-keys-site.ts'

const START = join(import.meta.dirname, '../../examples/camera/start.js')
/** A busy machine may take its time, and a key is changed every ten seconds. */
const WAIT_MS = 120_000

it('examples/camera: one command, and RTP comes out while keys change', async () => {
  const data = mkdtempSync(join(tmpdir(), 'limen-example-camera-'))
  const port = await freeMediaPort()
  const player = await bindSocket({ host: HOST, port: port + 4 })
  let packets = 0
  player.on('message', () => packets++)
  const env = { PORTS: String(port), DATA: data }
  const example = startProcess('example', process.execPath, [START], env)
  const changes = () => new Set(example.said().match(/changed +\d+ +time/g))
  try {
    await until(
      'two changes',
      () => {
        assert.equal(example.child.exitCode, null, example.said())
        return changes().size >= 2
      },
      WAIT_MS,
    )
    const before = packets
    await until('more packets', () => packets > before + 30)
  } finally {
    await example.stop()
    player.close()
    rmSync(data, { recursive: true, force: true })
  }
})
