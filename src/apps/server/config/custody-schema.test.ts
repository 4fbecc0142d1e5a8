import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { checkFiles } from '../material.ts'
import { readConfig } from './read-config.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-custody-config-'))
})
after(() => rmSync(folder, { recursive: true }))

const read = (custody: string) =>
  readConfig(
    {
      file: 'limen.yaml',
      text: `listeners: [{ name: web, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:9000 }] }]
routes: [{ pool: site }]
custody: ${custody}`,
      folder,
    },
    {},
  )
const good = (custody: string) => {
  const outcome = read(custody)
  if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
  return outcome
}
const refused = (custody: string): readonly string[] => {
  const outcome = read(custody)
  if (outcome.kind === 'read') assert.fail('it was read')
  return outcome.complaints.map(({ path, text }) => `${path}: ${text}`)
}

describe('custody', () => {
  it('drills once a day, repairs, and moves nothing, unless it is told to', () => {
    const { drill, placement, alarm } = good('{}').config.custody
    assert.deepEqual(drill, { everyS: 86_400, repair: true })
    assert.deepEqual(placement, { mode: 'plan', movesMax: 8, moveMs: 0.01 })
    assert.equal(alarm, undefined)
    const told = good('{ drill: { everyS: 60, repair: false }, placement: { mode: act } }').config
    assert.deepEqual(told.custody.drill, { everyS: 60, repair: false })
    assert.equal(told.custody.placement.mode, 'act')
  })

  it('is refused where it cannot be', () => {
    const alarm = "alarm: { url: 'https://x.test/', secretFile: key }"
    assert.deepEqual(refused(`{ mode: off, ${alarm} }`), ['custody.alarm: needs mode embedded'])
    assert.match(refused('{ drill: { everyS: 0 } }').join(), /^custody\.drill\.everyS: /)
    assert.match(refused('{ placement: { mode: on } }').join(), /^custody\.placement\.mode: /)
    const password = alarm.replace('x.test', 'a:b@x.test')
    assert.match(refused(`{ ${password} }`).join(), /^custody\.alarm\.url: .*without a password/)
  })

  it('has an alarm whose secret can be read', () => {
    const { config, blame } = good("{ alarm: { url: 'https://x.test/', secretFile: key } }")
    const path = join(folder, 'key')
    assert.equal(config.custody.alarm?.secretFile, path)
    const complaints = () =>
      checkFiles({ config, blame }).complaints.map((one) => `${one.path}: ${one.text}`)
    assert.deepEqual(complaints(), ['custody.alarm.secretFile: cannot be read: ENOENT'])
    writeFileSync(path, 'secret')
    assert.match(complaints().join(), /^custody\.alarm\.secretFile: must hold whsec_/)
    writeFileSync(path, `whsec_${Buffer.alloc(32, 1).toString('base64')}\n`)
    assert.deepEqual(complaints(), [])
  })
})
