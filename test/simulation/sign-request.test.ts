/**
 * A browser's proof against an edge's check: `apps/browser/sign-request.ts` and `keys/session/validate-request.ts`.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Steks } from '../../src/adapters/node/session-crypto.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import { Revocations } from '../../src/keys/session/revocations.ts'
import { Validator } from '../../src/keys/session/validate-request.ts'
import { SUITE } from '../../src/wire/key-message.ts'

const NOW = 1_795_000_000
const STEK = (1 << 24) | 1
const random = systemRandom()

async function sessionAndEdge() {
  const steks = new Steks()
  steks.add(STEK, random.bytes(32))
  const keyBytes = new Uint8Array(random.bytes(32))
  const sessionId = new Uint8Array(random.bytes(16))
  const ticket = steks.sealTicket(
    STEK,
    {
      ...{ flags: 0, suite: SUITE.x25519, epoch: 1, generation: 1, policy: 1, tier: 1 },
      ...{ notBefore: NOW - 5, rotateAfter: NOW + 600, expires: NOW + 900 },
      ...{ sessionId, requestKey: keyBytes, bodyKey: random.bytes(32) },
      ...{ deviceKey: random.bytes(32), subject: undefined, backend: undefined },
      softBinding: undefined,
    },
    random,
  )
  const { subtle } = crypto
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const session: Session = {
    ticket: `:${ticket.toString('base64')}:`,
    sessionId,
    generation: 1,
    rotateAfter: NOW + 600,
    expires: NOW + 900,
    requestKey: await subtle.importKey('raw', keyBytes, hmac, false, ['sign']),
    bodyKey: await subtle.importKey('raw', keyBytes, 'HKDF', false, ['deriveBits']),
    device: await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
  }
  const revocations = new Revocations()
  revocations.take({ seq: 1, kind: 'checkpoint' }, NOW)
  return { session, edge: new Validator(steks, revocations, systemRandom()) }
}

describe('proofFields()', () => {
  it('makes proofs that an edge takes, once each, with and without a query and a body', async () => {
    const { session, edge } = await sessionAndEdge()
    for (const [text, body] of [
      ['https://shop.test/cart', undefined],
      ['https://shop.test:8443/cart?item=1&n=%20', undefined],
      ['https://shop.test/pay', new TextEncoder().encode('amount=5').buffer],
    ] as const) {
      const url = new URL(text)
      const signing = { method: 'POST', url, ...(body === undefined ? {} : { body }) }
      const fields = await proofFields(session, signing, NOW)
      const request = {
        method: 'POST',
        authority: url.host,
        path: url.pathname,
        query: url.search === '' ? '?' : url.search,
        sessionKey: fields['sessionkey'] ?? '',
        contentDigest: fields['content-digest'],
      }
      const proof = {
        input: fields['signature-input'] ?? '',
        signature: fields['signature'] ?? '',
        needsDigest: body !== undefined,
      }
      assert.equal(edge.validate(request, proof, NOW).kind, 'valid', text)
      const again = edge.validate(request, proof, NOW)
      assert.equal(again.kind === 'refused' ? again.code : '', 'replay')
      const other = edge.validate({ ...request, path: '/other' }, proof, NOW)
      assert.equal(other.kind === 'refused' ? other.code : '', 'sig_invalid')
    }
  })
})
