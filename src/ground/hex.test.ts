import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromHex, setFromHex, toHex } from './hex.ts'

const ALL = Uint8Array.from({ length: 256 }, (_, i) => i)

/** As an engine without hex of its own. */
function without<T extends Uint8Array>(bytes: T): T {
  return Object.defineProperties(bytes, {
    toHex: { value: undefined },
    setFromHex: { value: undefined },
  })
}

describe('toHex(), fromHex()', () => {
  it('are each other’s inverse, with and without the help of the engine', () => {
    const text = Buffer.from(ALL).toString('hex')
    assert.equal(toHex(ALL), text)
    assert.equal(toHex(without(ALL.slice())), text)
    assert.deepEqual(fromHex(text), ALL)
    const into = without(new Uint8Array(256))
    setFromHex(into, text)
    assert.deepEqual([...into], [...ALL])
  })

  it('refuse what is no hex', () => {
    for (const text of ['0', '0g', '00 0', '--']) {
      assert.throws(() => fromHex(text), SyntaxError, text)
      assert.throws(() => setFromHex(without(new Uint8Array(text.length >> 1)), text), SyntaxError)
    }
    assert.throws(() => setFromHex(new Uint8Array(2), '00'), SyntaxError)
  })
})
