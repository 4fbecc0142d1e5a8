import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { openLog } from '../../../adapters/node/json-log.ts'
import { systemClock } from '../../../adapters/node/system-clock.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { readConfig } from '../config/read-config.ts'
import { openSignals } from './open-signals.ts'

describe('openSignals()', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-open-signals-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const open = (signals: object) => {
    const text = JSON.stringify({
      data: 'data',
      listeners: [{ name: 'web', address: '127.0.0.1:8080' }],
      pools: [{ name: 'site', servers: [{ id: 'a', address: '127.0.0.1:9000' }] }],
      routes: [{ pool: 'site' }],
      ...{ sessions: { enabled: true }, signals },
    })
    const outcome = readConfig({ file: 'limen.yaml', text, folder }, {})
    if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
    return openSignals({
      ...{ config: outcome.config, keyServer: undefined, behavior: undefined },
      ...{ audit: { append: () => {} }, clock: systemClock, random: systemRandom() },
      recordKey: createSecretKey(Buffer.alloc(32, 1)),
      log: openLog({ level: 'error', format: 'json', write: () => {} }),
    })
  }

  it('opens nothing, and writes nothing, where nobody is named', () => {
    assert.equal(open({}), undefined)
    assert.equal(existsSync(join(folder, 'data')), false)
  })

  it('refuses keys of a transmitter that are none, or private', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const jwk = privateKey.export({ format: 'jwk' })
    writeFileSync(join(folder, 't'), 'token-of-a-transmitter')
    for (const text of ['', '{}', '{"keys":[]}', JSON.stringify({ keys: [jwk] })]) {
      writeFileSync(join(folder, 'k.json'), text)
      const transmitter = { issuer: 'i', audience: 'a', jwks: 'k.json', tokenFile: 't' }
      assert.throws(() => open({ address: '127.0.0.1:0', transmitters: [transmitter] }), {
        code: 'signals-jwks-bad',
      })
    }
  })

  it('says who tells and who is told', async () => {
    const { publicKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(folder, 't'), 'token-of-a-transmitter')
    writeFileSync(
      join(folder, 'k.json'),
      JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }),
    )
    const signals = open({
      ...{ issuer: 'https://e.test', address: '127.0.0.1:0' },
      transmitters: [{ issuer: 'i', jwks: 'k.json', tokenFile: 't' }],
      receivers: [{ url: 'http://127.0.0.1:1/', audience: 'a' }],
    })
    await signals?.listen()
    assert.deepEqual(signals?.view(), {
      transmitters: [{ issuer: 'i', pushes: true }],
      received: {},
      receivers: [{ url: 'http://127.0.0.1:1/', waiting: 0, sent: 0, refused: 0, lost: 0 }],
    })
    await signals?.close()
  })
})
