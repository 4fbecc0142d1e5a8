import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { onFullDisk } from '../../../test/full-disk.ts'
import type { LimenError } from '../../ground/limen-error.ts'
import { decisionLogContract, sampleDecision } from '../../ports/decision-log.contract.ts'
import { decisionPages } from '../../ports/decision-log.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { lmdbDecisionLog } from './decision-log.ts'
import { openEnvironment } from './environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-lmdb-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const place = (): string => join(folder, String(count++))

/** Not a real seal: inverts the bits, and remembers the name in front. */
const seal = (mark = 0xff): RecordSeal => ({
  seal: (name, plain) => Buffer.concat([Buffer.from(name), plain.map((byte) => byte ^ mark)]),
  open: (name, sealed) => {
    const plain = sealed.subarray(name.length).map((byte) => byte ^ mark)
    return plain[0] === '['.charCodeAt(0) ? plain : undefined
  },
})
const open = async (path: string, keepMax = 100, key = seal()) =>
  lmdbDecisionLog({ environment: await openEnvironment(path), seal: key, keepMax })

decisionLogContract('lmdb', ({ keepMax }) => open(place(), keepMax))

describe('lmdbDecisionLog()', () => {
  it('still knows what it knew after a restart', async () => {
    const path = place()
    const before = await open(path)
    await before.append(decisionPages([sampleDecision(1), sampleDecision(2)]))
    await before.close()
    const after = await open(path)
    assert.deepEqual(after.list({ limit: 9 }), [sampleDecision(2), sampleDecision(1)])
    await after.close()
  })

  it('writes nothing to the disk that was not sealed', async () => {
    const path = place()
    const log = await open(path)
    await log.append(decisionPages([sampleDecision(1)]))
    await log.close()
    assert.equal(readFileSync(join(path, 'data.mdb')).includes('127.0.0.1'), false)
  })

  it('leaves out records that cannot be opened, and says which', async () => {
    const path = place()
    const before = await open(path)
    await before.append(decisionPages([sampleDecision(1)]))
    await before.close()
    const unreadable: string[] = []
    const log = lmdbDecisionLog({
      environment: await openEnvironment(path),
      seal: seal(0x0f),
      keepMax: 10,
      onUnreadable: (id) => unreadable.push(id),
    })
    await log.append(decisionPages([sampleDecision(2)]))
    assert.deepEqual(log.list({ limit: 9 }), [sampleDecision(2)])
    assert.deepEqual(unreadable, [`${sampleDecision(1).id.slice(0, 8)} 000000000000000 1`])
    await log.close()
  })
})

it('a full disk fails the append and nothing else: what was there is still served', async () => {
  const { kept, failures } = await onFullDisk(`
    import { lmdbDecisionLog } from '${import.meta.dirname}/decision-log.ts'
    import { decisionPages } from '${import.meta.dirname}/../../ports/decision-log.ts'
    import { sampleDecision } from '${import.meta.dirname}/../../ports/decision-log.contract.ts'
    const seal = { seal: (_, plain) => plain, open: (_, sealed) => sealed }
    const log = lmdbDecisionLog({ environment, seal, keepMax: 1e6 })
    await log.append(decisionPages([sampleDecision(0)]))
    for (let i = 1; i < 8000; i += 200) {
      const some = Array.from({ length: 200 }, (_, j) => sampleDecision(i + j))
      await log.append(decisionPages(some)).catch(() => failures++)
    }
    const kept = log.get(sampleDecision(0).id) === undefined ? 0 : 1`)
  assert.equal(kept, 1)
  assert.ok(failures > 0)
})

describe('openEnvironment()', () => {
  const refuses = (path: string, code: string) =>
    assert.rejects(openEnvironment(path), (error: LimenError) => {
      assert.equal(error.code, code)
      assert.match(error.message, new RegExp(path))
      return true
    })

  it('refuses a file of garbage, and does not die of it', async () => {
    const path = place()
    mkdirSync(path)
    writeFileSync(join(path, 'data.mdb'), Buffer.alloc(40_960, 7))
    await refuses(path, 'storage-damaged')
  })

  it('refuses a file cut short', async () => {
    const path = place()
    const log = await open(path)
    await log.append(decisionPages(Array.from({ length: 500 }, (_, i) => sampleDecision(i))))
    await log.close()
    truncateSync(join(path, 'data.mdb'), 8 * 4096)
    await refuses(path, 'storage-damaged')
  })

  it('refuses a place where no folder can be', async () => {
    const path = place()
    writeFileSync(path, '')
    await refuses(path, 'storage-unusable')
  })
})
