import assert from 'node:assert/strict'
import { it } from 'node:test'
import { capturedHello } from '../../../test/fixtures/hello-bytes.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import { helloFeatures } from './features.ts'
import { helloForm } from './form.ts'
import { ja4 } from './ja4.ts'

function formOf(bytes: Uint8Array, piece = bytes.length): string {
  const reader = new ClientHelloReader()
  for (let at = 0; at < bytes.length; at += piece) {
    const outcome = reader.feed(bytes.subarray(at, at + piece), at)
    if (outcome.kind !== 'hello') continue
    const { hello } = outcome
    return helloForm('', helloFeatures(hello, ja4(hello, 't'), '', 0))
  }
  return 'none'
}

it('helloForm() takes whole hellos for ordinary, and those that need two packets', () => {
  assert.equal(formOf(capturedHello('chromium-001')), '')
  assert.equal(formOf(capturedHello('node24-https-001'), 1448), '')
  assert.equal(formOf(capturedHello('chromium-001'), 536), '')
})

it('helloForm() sees small records and small pieces', () => {
  assert.equal(formOf(capturedHello('synthetic-record-frag-001')), 'small-records')
  assert.equal(formOf(capturedHello('openssl-sclient-001'), 16), 'dripped')
})

it('helloForm() is the code of what was wrong', () => {
  assert.equal(helloForm('not_tls', undefined), 'not_tls')
})
