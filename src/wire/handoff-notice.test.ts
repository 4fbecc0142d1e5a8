import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  isHandoffPath,
  signedBase,
  signedParameters,
  writeHandoffNotice,
} from './handoff-notice.ts'

describe('writeHandoffNotice()', () => {
  it('is what LSK/1 section 1.11 says', () => {
    const text = writeHandoffNotice({
      ...{ session: 's', generation: 3, from: 'a', to: 'b', reason: 'drain', at: 5, nonce: 'n' },
    })
    const expected =
      '{"v":1,"sid":"s","gen":3,"from":"a","to":"b","reason":"drain","at_ms":5,"nonce":"n"}'
    assert.equal(text, expected)
  })
})

describe('signedBase()', () => {
  it('has a line per component, the parameters last (RFC 9421 section 2.5)', () => {
    const parameters = signedParameters({ created: 1_618_884_473, keyId: 'k' })
    const base = signedBase(
      {
        ...{ method: 'POST', authority: '10.0.0.1:8080', path: '/p' },
        ...{ contentType: 'application/json', contentDigest: 'sha-256=:AA==:' },
      },
      parameters,
    )
    assert.equal(
      base,
      `"@method": POST
"@authority": 10.0.0.1:8080
"@path": /p
"content-type": application/json
"content-digest": sha-256=:AA==:
"@signature-params": ("@method" "@authority" "@path" "content-type" "content-digest");created=1618884473;keyid="k";alg="ed25519";tag="limen-handoff"`,
    )
  })
})

it('isHandoffPath() knows both paths and nothing else', () => {
  for (const path of ['/handoff', '/session-state', '/session-state/x']) {
    assert.ok(isHandoffPath(`/.well-known/limen${path}`), path)
  }
  for (const path of ['/.well-known/limen/handoffs', '/.well-known/limen/keys', '/handoff']) {
    assert.ok(!isHandoffPath(path), path)
  }
})
