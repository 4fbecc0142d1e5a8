import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { aesRecordSeal } from './record-seal.ts'
import { systemRandom } from './system-random.ts'

const key = (fill: number) => createSecretKey(Buffer.alloc(32, fill))
const open = (fill = 1, purpose = 'test') => aesRecordSeal(key(fill), purpose, systemRandom())
const text = new TextEncoder().encode('127.0.0.1 was here')

describe('aesRecordSeal()', () => {
  it('opens what it sealed, also after a restart', () => {
    const sealed = open().seal('a', text)
    assert.deepEqual(new Uint8Array(open().open('a', sealed) ?? []), text)
  })

  it('shows nothing of the record, and never the same bytes twice', () => {
    const seal = open()
    const [first, second] = [seal.seal('a', text), seal.seal('a', text)]
    assert.equal(Buffer.from(first).includes('127.0.0.1'), false)
    assert.notDeepEqual(first, second)
    assert.equal(first.length, text.length + 45)
  })

  it('does not open under another name, key or purpose', () => {
    const sealed = open().seal('a', text)
    assert.equal(open().open('b', sealed), undefined)
    assert.equal(open(2).open('a', sealed), undefined)
    assert.equal(open(1, 'other').open('a', sealed), undefined)
  })

  it('does not open when any byte was changed or taken away', () => {
    const seal = open()
    const sealed = seal.seal('a', text)
    for (let i = 0; i < sealed.length; i++) {
      const changed = Uint8Array.from(sealed, (byte, at) => (at === i ? byte ^ 1 : byte))
      assert.equal(seal.open('a', changed), undefined, `byte ${i}`)
      assert.equal(seal.open('a', sealed.subarray(0, i)), undefined, `cut at ${i}`)
    }
  })

  it('reads records of more starts than it keeps keys for', () => {
    const sealed = Array.from({ length: 70 }, () => open().seal('a', text))
    const seal = open()
    for (const record of [...sealed, ...sealed]) {
      assert.deepEqual(new Uint8Array(seal.open('a', record) ?? []), text)
    }
    assert.deepEqual(new Uint8Array(seal.open('a', seal.seal('a', text)) ?? []), text)
  })

  it('wants 32 bytes of key', () => {
    const short = createSecretKey(Buffer.alloc(16))
    assert.throws(() => aesRecordSeal(short, 'test', systemRandom()), RangeError)
  })
})
