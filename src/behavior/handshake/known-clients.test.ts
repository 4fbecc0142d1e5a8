import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello } from '../../../test/fixtures/hello-bytes.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { guessClient } from './known-clients.ts'

function hello(name: string): ClientHello {
  const outcome = new ClientHelloReader().feed(capturedHello(name), 0)
  assert.equal(outcome.kind, 'hello')
  return outcome.hello
}

describe('guessClient()', () => {
  for (const [name, client] of [
    ['chromium-001', 'Chromium'],
    ['chromium-002', 'Chromium'],
    ['curl-openssl-001', 'curl (OpenSSL)'],
    ['curl-openssl-tls12-001', 'curl (OpenSSL)'],
    ['openssl-sclient-resume-002', 'OpenSSL'],
    ['openssl-sclient-tls10-001', 'OpenSSL'],
    ['node20-https-001', 'Node.js'],
    ['node24-https-001', 'Node.js'],
    ['node24-fetch-001', 'Node.js'],
    ['python-ssl-001', 'Python'],
    ['go-nethttp-001', 'Go'],
    ['php-stream-001', 'PHP'],
    ['gnutls-cli-001', 'GnuTLS'],
    ['wget-gnutls-001', 'GnuTLS'],
    ['nmap-ssl-enum-001', 'nmap'],
    ['nmap-ssl-enum-003', 'nmap'],
    ['sslscan-003', 'sslscan'],
  ] as const) {
    it(`takes ${name} for ${client}`, () => assert.equal(guessClient(hello(name)), client))
  }

  it('knows a version it has not met by its traits', () => {
    const chromium = hello('chromium-001')
    // The next version: one extension more, another order.
    const next = { ...chromium, extensions: [0x1234, ...chromium.extensions].reverse() }
    assert.equal(guessClient(next), 'Chromium')
    const node = hello('node24-https-001')
    assert.equal(guessClient({ ...node, ciphers: node.ciphers.slice(0, 30) }), 'Node.js')
  })

  it('knows Firefox by delegated credentials and the record size limit', () => {
    const firefox = {
      ...hello('openssl-sclient-001'),
      extensions: [0, 23, 65281, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28, 21],
    }
    assert.equal(guessClient(firefox), 'Firefox')
  })

  it('says nothing about what it does not know', () => {
    const unknown = { ...hello('openssl-sclient-001'), extensions: [43, 51, 10, 13] }
    assert.equal(guessClient(unknown), '')
  })
})
