/**
 * Bodies sealed by a browser's half (`apps/browser/sealed-body.ts`) against those of OpenSSL (`adapters/node/sealed-body.ts`),
 * keys from the body key of a session.
 */
import assert from 'node:assert/strict'
import { createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { SealedBodyOpener, SealedBodySealer } from '../../src/adapters/node/sealed-body.ts'
import { openResponse, sealBody } from '../../src/apps/browser/sealed-body.ts'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { bodyInfo, bodyKeyId } from '../../src/keys/session/key-schedule.ts'
import { RECORD_BYTES } from '../../src/wire/sealed-body.ts'

async function sessionAndEdge() {
  const bytes = randomBytes(32)
  const sessionId = new Uint8Array(randomBytes(16))
  const session = {
    ...{ sessionId, generation: 7 },
    bodyKey: await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']),
  } as unknown as Session
  const ikm = (direction: 'c2s' | 's2c') =>
    createSecretKey(Buffer.from(hkdfSync('sha256', bytes, '', bodyInfo(direction), 32)))
  return { session, ikm, keyId: bodyKeyId(sessionId, 7) }
}

describe('sealBody()', () => {
  it('seals what an edge opens, of any length', async () => {
    const { session, ikm, keyId } = await sessionAndEdge()
    for (const length of [0, 1, RECORD_BYTES - 17, RECORD_BYTES - 16, 3 * RECORD_BYTES + 5]) {
      const content = randomBytes(length)
      const sealed = await sealBody(session, new Blob([content]))
      const opener = new SealedBodyOpener(ikm('c2s'), keyId)
      const pieces = [opener.push(new Uint8Array(await sealed.arrayBuffer())), opener.end()]
      const opened = Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
      assert.ok(opened.equals(content), `${length} bytes`)
    }
  })
})

describe('openResponse()', () => {
  const body = async (
    sealed: Uint8Array,
    session: Session,
    headers = { 'content-encoding': 'aes128gcm', 'content-type': 'text/plain' },
  ): Promise<string> => {
    const response = openResponse(session, new Response(Buffer.from(sealed), { headers }))
    assert.equal(response.headers.get('content-encoding'), null)
    return await response.text()
  }

  it('opens what an edge sealed, and only that', async () => {
    const { session, ikm, keyId } = await sessionAndEdge()
    const text = 'I am the walrus. '.repeat(10_000)
    const sealer = new SealedBodySealer(ikm('s2c'), keyId, randomBytes(16))
    const sealed = Buffer.concat([sealer.push(Buffer.from(text)), sealer.end()])
    assert.equal(await body(sealed, session), text)
    const changed = Buffer.from(sealed)
    changed[70_000] = (changed[70_000] as number) ^ 1
    await assert.rejects(body(changed, session), { code: 'body_auth' })
    const cut = sealed.subarray(0, 41 + RECORD_BYTES)
    await assert.rejects(body(cut, session), { code: 'body_truncated' })
    const other = { ...session, generation: 8 }
    await assert.rejects(body(sealed, other), { code: 'body_keyid' })
  })

  it('takes no request for an answer', async () => {
    const { session } = await sessionAndEdge()
    const sealed = await sealBody(session, new Blob(['mine']))
    const bytes = new Uint8Array(await sealed.arrayBuffer())
    await assert.rejects(body(bytes, session), { code: 'body_auth' })
  })

  it('leaves other responses as they are', async () => {
    const { session } = await sessionAndEdge()
    const response = new Response('plain')
    assert.equal(openResponse(session, response), response)
  })
})
