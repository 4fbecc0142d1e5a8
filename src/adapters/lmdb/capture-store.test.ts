import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ulids } from '../../ground/ulid.ts'
import { seededRandom } from '../../ports/profile-store.contract.ts'
import type { Capture } from '../../ports/request-capture.ts'
import { aesPersonSeal } from '../node/person-seal.ts'
import { lmdbCaptureStore } from './capture-store.ts'
import { openEnvironment } from './environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-captures-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const place = (): string => join(folder, String(count++))

const open = async (path: string, key = 1, onUnreadable: (id: string) => void = () => {}) =>
  lmdbCaptureStore({
    records: await openEnvironment(join(path, 'records')),
    keys: await openEnvironment(join(path, 'keys')),
    seal: aesPersonSeal(createSecretKey(Buffer.alloc(32, key)), seededRandom(count + key)),
    onUnreadable,
  })

let seed = 100
/** Each from a source of its own: one source never goes back in time. */
const nextId = (at: number): string => ulids(seededRandom(seed++))(at)
const sample = (at: number, more: Partial<Capture> = {}): Capture => ({
  ...{ id: nextId(at), session: 'c2Vzc2lvbg', person: 'aa', score: 6, reasons: ['text-differs'] },
  ...{ at, client: { address: '192.0.2.1', port: 5 }, server: { address: '192.0.2.2', port: 443 } },
  ...{ openedAt: 1, nth: 0, protocol: 'HTTP/2', method: 'POST', target: '/pay?to=mallory' },
  ...{ host: 'bank.example', fields: [['host', 'bank.example']], isWhole: true, status: 200 },
  ...{ body: Buffer.from('amount=4711&to=mallory'), bodyBytes: 22, ...more },
})

describe('lmdbCaptureStore()', () => {
  it('gives back what was added, after a restart too, the newest first', async () => {
    const path = place()
    const before = await open(path)
    const three = [sample(1000), sample(2000, { body: Buffer.alloc(0) }), sample(3000)]
    await before.add(three)
    await before.close()
    const store = await open(path)
    assert.deepEqual(store.list({ limit: 10 }), three.toReversed())
    assert.deepEqual(store.list({ limit: 1 }), three.slice(2))
    const [first, second, third] = three
    assert.deepEqual(store.list({ limit: 10, before: second?.id ?? '' }), [first])
    assert.deepEqual(store.get(third?.id ?? ''), third)
    assert.equal(store.get(nextId(4000)), undefined)
    assert.equal(store.get('../../etc/passwd'), undefined)
    assert.equal(store.standing().captures, 3)
    await store.close()
  })

  it('forgets what is too old, and the oldest of what is too much', async () => {
    const path = place()
    const store = await open(path)
    const many = [1, 2, 3, 4, 5].map((second) => sample(second * 1000))
    await store.add(many)
    const each = store.standing().bytes / 5
    assert.equal(await store.forget(2500, 1e9), 2)
    assert.equal(await store.forget(0, each * 2.5), 1)
    assert.deepEqual(store.list({ limit: 9 }), many.slice(3).toReversed())
    assert.equal(await store.forget(0, 1e9), 0)
    const { captures, bytes } = store.standing()
    await store.close()
    const again = await open(path)
    assert.deepEqual(again.standing(), { captures, bytes })
    await again.close()
  })

  it('erases a person', async () => {
    const store = await open(place())
    const other = sample(2000, { person: 'bb', session: 'of bb' })
    const unnamed = sample(4000, { person: '', session: 'of aa' })
    await store.add([sample(1000), other, sample(3000), unnamed])
    assert.equal(await store.erase('aa', ['of aa']), 3)
    assert.equal(await store.erase('aa', ['of aa']), 0)
    assert.deepEqual(store.list({ limit: 9 }), [other])
    await store.close()
  })

  it('writes nothing to the disk that was not sealed; a copy is noise when the key is gone', async () => {
    const path = place()
    const store = await open(path)
    const one = sample(1000)
    await store.add([one])
    await store.close()
    for (const part of ['records', 'keys']) {
      const octets = readFileSync(join(path, part, 'data.mdb'))
      for (const text of ['mallory', 'bank.example', 'amount', '192.0.2.1', 'text-differs']) {
        assert.equal(octets.indexOf(text), -1, `${part} ${text}`)
      }
    }
    const copy = place()
    cpSync(join(path, 'records'), join(copy, 'records'), { recursive: true })
    const again = await open(path)
    assert.deepEqual(again.get(one.id), one)
    assert.equal(await again.forget(1e15, 0), 1)
    await again.close()
    cpSync(join(path, 'keys'), join(copy, 'keys'), { recursive: true })
    const copied = await open(copy)
    assert.equal(copied.get(one.id), undefined)
    assert.deepEqual(copied.list({ limit: 9 }), [])
    await copied.close()
  })

  it('does not open what another record key sealed', async () => {
    const path = place()
    const before = await open(path)
    const one = sample(1000)
    await before.add([one])
    await before.close()
    const unreadable: string[] = []
    const store = await open(path, 2, (id) => unreadable.push(id))
    assert.equal(store.get(one.id), undefined)
    assert.deepEqual(unreadable, [one.id])
    await assert.rejects(store.add([{ ...one, id: '' }]), RangeError)
    await store.close()
  })
})
