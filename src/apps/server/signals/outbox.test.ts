import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { MINOR_MAX, Outbox, WAITING_MAX } from './outbox.ts'

const TO = 'https://a.test/'
const random = systemRandom()
const sealBy = (byte: number) =>
  aesRecordSeal(createSecretKey(Buffer.alloc(32, byte)), 'signals', random)
let folder = ''
let unkept = 0
const open = (byte = 1) =>
  new Outbox({ path: join(folder, 'outbox'), seal: sealBy(byte), onUnkept: () => unkept++ })
const telling = (id: string, to = TO) => ({ id, to, text: `text of ${id}`, at: 7 })

describe('Outbox', () => {
  beforeEach(() => {
    unkept = 0
    folder = mkdtempSync(join(tmpdir(), 'limen-outbox-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps what is not done, in order, over restarts', () => {
    const first = open()
    for (const id of ['a', 'b', 'c']) assert.equal(first.add(telling(id), false), true)
    first.done('a')
    first.close()
    const again = open()
    assert.deepEqual(again.first(TO), telling('b'))
    assert.equal(again.count(TO), 2)
    again.done('b')
    again.done('c')
    assert.equal(again.first(TO), undefined)
    again.close()
    assert.equal(open().count(TO), 0)
    assert.equal(unkept, 0)
  })

  it('leaves room for what ends sessions', () => {
    const outbox = open()
    for (let i = 0; i < MINOR_MAX; i++) assert.ok(outbox.add(telling(`m${i}`), true))
    assert.equal(outbox.add(telling('minor'), true), false)
    for (let i = MINOR_MAX; i < WAITING_MAX; i++) assert.ok(outbox.add(telling(`r${i}`), false))
    assert.equal(outbox.add(telling('revoked'), false), false)
    assert.ok(outbox.add(telling('other', 'https://b.test/'), false))
    outbox.close()
  })

  it('does not grow with what is done', () => {
    const outbox = open()
    for (let i = 0; i < 10_000; i++) {
      outbox.add(telling(`t${i}`), false)
      outbox.done(`t${i}`)
    }
    outbox.close()
    assert.ok(statSync(join(folder, 'outbox')).size < 2 ** 20)
  })

  it('forgets who is no receiver any more', () => {
    const outbox = open()
    outbox.add(telling('a'), false)
    outbox.keepOnly([])
    outbox.close()
    assert.equal(open().count(TO), 0)
  })

  it('opens nothing of another key, of garbage, or torn', () => {
    const outbox = open()
    outbox.add(telling('a'), false)
    outbox.close()
    appendFileSync(join(folder, 'outbox'), 'garbage\nYWJj')
    const again = open()
    assert.equal(again.count(TO), 1)
    assert.equal(unkept, 2)
    again.close()
    assert.equal(open(2).count(TO), 0)
  })
})
