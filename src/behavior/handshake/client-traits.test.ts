import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { HandshakeView } from '../decision.ts'
import { clientTraits } from './client-traits.ts'

const view = (ja4Stable: string, client = ''): HandshakeView => ({
  ja4: ja4Stable,
  ja4Stable,
  sni: '',
  alpn: [],
  resumption: false,
  chunks: 1,
  arrivalMs: 0,
  client,
})

describe('clientTraits()', () => {
  it('reads the parts of a JA4', () => {
    assert.deepEqual(clientTraits(view('t13d1516h2_8daaf6152771_02713d6af862', 'Chromium')), {
      numbers: [15 / 99, 0.5],
      words: ['13', 'h2', '8daaf6152771', '02713d6af862', 'Chromium'],
    })
  })

  it('gives as many traits for whatever it is given, numbers within bounds', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { numbers, words } = clientTraits(view(text))
        assert.equal(numbers.length, 2)
        assert.equal(words.length, 5)
        for (const number of numbers) assert.ok(number >= 0 && number <= 1)
      }),
      { seed: 20261122 },
    )
  })
})
