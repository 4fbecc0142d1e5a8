import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { testCertificate } from '../../../test/tls-pair.ts'
import type { TicketHolder } from './ticket-keys.ts'
import { TlsSlots } from './tls-slots.ts'

const { certPem, keyPem } = await testCertificate('localhost')

function slots(max: number) {
  const holders = new Map<tls.SecureContext, TicketHolder>()
  const made = new TlsSlots((holder) => {
    const context = tls.createSecureContext({ cert: certPem, key: keyPem })
    holders.set(context, holder)
    return context
  }, max)
  return { made, nameIn: (context: tls.SecureContext) => holders.get(context)?.profile }
}

describe('TlsSlots', () => {
  it('lends each handshake a context of its own that names its client', () => {
    const { made, nameIn } = slots(4)
    const [a, b] = [made.lend('a'), made.lend('b')]
    assert.notEqual(a.secureContext, b.secureContext)
    assert.deepEqual([nameIn(a.secureContext), nameIn(b.secureContext)], ['a', 'b'])
  })

  it('makes no more than are lent at once, and goes on naming the last one after it is back', () => {
    const { made, nameIn } = slots(4)
    for (let i = 0; i < 100; i++) {
      const lease = made.lend(`p${i}`)
      lease.giveBack()
      assert.equal(nameIn(lease.secureContext), `p${i}`)
    }
    assert.equal(made.size, 2)
  })

  it('shares one that names nobody when all are lent, and lends again what comes back', () => {
    const { made, nameIn } = slots(2)
    const [first] = [made.lend('a'), made.lend('b')]
    const over = [made.lend('c'), made.lend('d')]
    assert.equal(over[0]?.secureContext, over[1]?.secureContext)
    assert.deepEqual(
      over.map(({ secureContext }) => nameIn(secureContext)),
      ['', ''],
    )
    for (const lease of over) lease.giveBack()
    first?.giveBack()
    first?.giveBack() // Twice is once.
    assert.equal(nameIn(made.lend('e').secureContext), 'e')
    assert.equal(nameIn(made.lend('f').secureContext), '')
    assert.equal(made.size, 3)
  })
})
