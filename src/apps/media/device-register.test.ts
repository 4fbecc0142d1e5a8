import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { CODE_MS, DeviceRegister } from './device-register.ts'

const DEVICE = 'camera-1'
const KEY = Buffer.alloc(32, 7)

describe('DeviceRegister', () => {
  let folder: string
  let now = 1000
  const open = () => new DeviceRegister(join(folder, 'parties'), () => now)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-register-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('takes a code once, from whom it is for, within an hour', () => {
    const one = open()
    const secret = one.invite(DEVICE, 'device')
    assert.equal(one.enrol(DEVICE, 'A'.repeat(22), KEY), undefined)
    assert.equal(one.enrol('camera-2', secret, KEY), undefined)
    now += CODE_MS + 1
    assert.equal(one.enrol(DEVICE, secret, KEY), undefined)
    const fresh = one.invite(DEVICE, 'device')
    assert.equal(one.enrol(DEVICE, secret, KEY), undefined)
    assert.equal(one.enrol(DEVICE, fresh, KEY)?.state, 'enrolled')
    assert.equal(one.enrol(DEVICE, fresh, KEY), undefined)
    assert.throws(() => one.invite(DEVICE, 'device'), { code: 'devices.exists' })
    one.revoke(DEVICE)
    assert.throws(() => one.invite(DEVICE, 'transport'), { code: 'devices.exists' })
    assert.deepEqual(one.enrolled('device'), [])
    assert.equal(one.enrol(DEVICE, one.invite(DEVICE, 'device'), KEY)?.state, 'enrolled')
  })

  it('keeps a quarantine over restarts, until it is lifted or the device enrols anew', () => {
    const one = open()
    const enrolled = () => one.enrol(DEVICE, one.invite(DEVICE, 'device'), KEY)
    enrolled()
    one.quarantine(DEVICE, true)
    one.nextEpoch(DEVICE)
    assert.equal(open().get(DEVICE)?.isQuarantined, true)
    one.quarantine(DEVICE, false)
    assert.equal(open().get(DEVICE)?.isQuarantined, undefined)
    one.quarantine(DEVICE, true)
    one.revoke(DEVICE)
    enrolled()
    assert.equal(open().get(DEVICE)?.isQuarantined, undefined)
    one.quarantine('camera-2', true)
    assert.equal(one.get('camera-2'), undefined)
  })

  it('knows after a restart what it knew, and gives no epoch twice', () => {
    const one = open()
    one.enrol(DEVICE, one.invite(DEVICE, 'device'), KEY)
    one.enrol('camera-2', one.invite('camera-2', 'device'), KEY)
    const given = Array.from({ length: 40 }, (_, i) => one.nextEpoch(i % 2 ? DEVICE : 'camera-2'))
    assert.deepEqual(
      given,
      given.map((_, i) => ({ epoch: i + 1, isKept: true })),
    )
    const other = open()
    assert.deepEqual(other.all(), one.all())
    assert.equal(other.get(DEVICE)?.epochs.at(-1), 40)
    assert.equal(other.get(DEVICE)?.epochs.length, 16)
    assert.equal(other.nextEpoch(DEVICE).epoch, 41)
  })

  it('keeps no code', () => {
    const one = open()
    const secret = one.invite(DEVICE, 'device')
    for (const file of readdirSync(join(folder, 'parties'))) {
      assert.equal(readFileSync(join(folder, 'parties', file), 'utf8').includes(secret), false)
    }
  })

  it('goes on giving epochs when the disk does not take them, and spends no code then', () => {
    const one = open()
    one.enrol(DEVICE, one.invite(DEVICE, 'device'), KEY)
    const secret = one.invite('camera-2', 'device')
    rmSync(join(folder, 'parties'), { recursive: true })
    writeFileSync(join(folder, 'parties'), 'in the way')
    assert.deepEqual(one.nextEpoch(DEVICE), { epoch: 1, isKept: false })
    assert.deepEqual(one.nextEpoch(DEVICE), { epoch: 2, isKept: false })
    assert.throws(() => one.enrol('camera-2', secret, KEY))
    assert.throws(() => one.revoke(DEVICE))
    assert.deepEqual(one.enrolled('device'), [])
    rmSync(join(folder, 'parties'))
    assert.equal(one.enrol('camera-2', secret, KEY)?.state, 'enrolled')
  })

  it('does not start from what it did not write', () => {
    open()
    for (const text of ['', '{}', '{"party":"a/b","kind":"device","state":"enrolled"}']) {
      writeFileSync(join(folder, 'parties', 'x.json'), text)
      assert.throws(open, { code: 'devices.register' }, text)
    }
  })
})
