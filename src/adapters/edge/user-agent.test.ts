import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { userAgentFits } from './user-agent.ts'

const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0'
const SAFARI =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15'
const CHROME_IOS =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0.0.0 Mobile/15E148 Safari/604.1'

describe('userAgentFits()', () => {
  for (const [name, userAgent, client, expected] of [
    ['Chromium as itself', CHROME, 'Chromium', true],
    ['Firefox as itself', FIREFOX, 'Firefox', true],
    ['Safari as itself', SAFARI, 'Safari', true],
    ['Chrome on iOS is WebKit', CHROME_IOS, 'Safari', true],
    ['Chromium on an OpenSSL handshake', CHROME, 'OpenSSL', false],
    ['Chromium on a Python handshake', CHROME, 'Python', false],
    ['Firefox on a Chromium handshake', FIREFOX, 'Chromium', false],
    ['Safari on a Go handshake', SAFARI, 'Go', false],
    ['Go as itself', 'Go-http-client/2.0', 'Go', true],
    ['Go on an OpenSSL handshake', 'Go-http-client/1.1', 'OpenSSL', false],
    ['curl with any library', 'curl/7.88.1', 'curl (OpenSSL)', true],
    ['curl with another library', 'curl/8.5.0', 'GnuTLS', true],
    ['curl with the handshake of a browser', 'curl/7.88.1', 'Chromium', false],
    ['python-requests with the handshake of a browser', 'python-requests/2.31', 'Firefox', false],
    ['an unknown handshake', CHROME, '', undefined],
    ['an unknown User-Agent', 'my-agent/1.0', 'OpenSSL', undefined],
    ['no User-Agent', '', 'Chromium', undefined],
  ] as const) {
    it(`${name}: ${expected ?? 'says nothing'}`, () => {
      assert.equal(userAgentFits(userAgent, client), expected)
    })
  }
})
