import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readPkcs11Uri } from './pkcs11-uri.ts'

const SEED = 7512
const QUERY = 'module-path=/usr/lib/p11.so&pin-source=file:/etc/pin'
const says = (text: string): string => {
  const outcome = readPkcs11Uri(text)
  return outcome.kind === 'refused' ? outcome.says : 'read'
}

describe('readPkcs11Uri()', () => {
  it('reads what names a key in a token', () => {
    const text = `pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=A&B;model=1.0;serial=4a;object=k%c3%bc;type=secret-key;id=%69%00%ff?${QUERY}`
    assert.deepEqual(readPkcs11Uri(text), {
      kind: 'read',
      uri: {
        ...{ token: 'The Software PKCS#11 Softtoken', serial: '4a', manufacturer: 'A&B' },
        ...{ model: '1.0', object: 'kü', id: Buffer.from('6900ff', 'hex') },
        ...{ modulePath: '/usr/lib/p11.so', pinFile: '/etc/pin' },
      },
    })
    for (const file of ['/etc/pin', 'file:/etc/pin', 'file:///etc/pin']) {
      const outcome = readPkcs11Uri(
        `pkcs11:serial=1;id=%01?pin-source=${file}&module-path=/usr/lib/p11.so`,
      )
      assert.ok(outcome.kind === 'read' && outcome.uri.pinFile === '/etc/pin', file)
    }
  })

  const bad: readonly (readonly [text: string, says: RegExp])[] = [
    ['', /has to be/],
    ['pkcs11:token=a;object=b', /has to be/],
    [`PKCS11:token=a;object=b?${QUERY}`, /has to be/],
    [`pkcs11:object=b?${QUERY}`, /no token and no serial/],
    [`pkcs11:token=a?${QUERY}`, /no object and no id/],
    [`pkcs11:token=a;token=a;object=b?${QUERY}`, /token twice/],
    [`pkcs11:token=a;object=?${QUERY}`, /object that is empty/],
    [`pkcs11:token=a;object=b c?${QUERY}`, /object that is empty or not/],
    [`pkcs11:token=a;object=%4?${QUERY}`, /object that is empty or not/],
    [`pkcs11:token=a;object=%ff?${QUERY}`, /object that is no text/],
    [`pkcs11:token=a%00;object=b?${QUERY}`, /token that is no text/],
    [`pkcs11:token=a;object=b;?${QUERY}`, /not known here/],
    [`pkcs11:token=a;object=b;slot-id=1?${QUERY}`, /not known here/],
    [`pkcs11:token=a;object=b;type=private?${QUERY}`, /no secret-key/],
    [`pkcs11:token=a;object=b;id=${'%00'.repeat(256)}?${QUERY}`, /too long an id/],
    [`pkcs11:token=a;object=b?${QUERY}&pin-value=1234`, /holds a PIN/],
    [`pkcs11:token=a;object=b?${QUERY}&x-vendor=1`, /not known here/],
    ['pkcs11:token=a;object=b?pin-source=file:/etc/pin', /no absolute module-path/],
    ['pkcs11:token=a;object=b?module-path=p11.so&pin-source=/etc/pin', /no absolute module/],
    ['pkcs11:token=a;object=b?module-path=/p11.so', /no pin-source/],
    ['pkcs11:token=a;object=b?module-path=/p11.so&pin-source=|cat', /no pin-source/],
    ['pkcs11:token=a;object=b?module-path=/p11.so&pin-source=file://host/pin', /no pin-source/],
    [`pkcs11:token=${'a'.repeat(2048)};object=b?${QUERY}`, /longer than/],
  ]
  for (const [text, expected] of bad) {
    it(`refuses ${text.slice(0, 80)}`, () => {
      assert.match(says(text), expected)
      assert.equal(says(text).includes('1234'), false)
    })
  }

  it('never throws, and reads back what it is given', () => {
    const name = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text))
    const encoded = (text: string): string =>
      Buffer.from(text)
        .toString('hex')
        .replace(/../g, (hex) => `%${hex}`)
    fc.assert(
      fc.property(name, name, (token, object) => {
        const outcome = readPkcs11Uri(
          `pkcs11:token=${encoded(token)};object=${encoded(object)}?${QUERY}`,
        )
        assert.ok(outcome.kind === 'read')
        assert.deepEqual([outcome.uri.token, outcome.uri.object], [token, object])
      }),
      { seed: SEED },
    )
    const part = fc.constantFrom(
      ...['pkcs11:', 'token=', 'object=', ';', '?', '&', 'module-path=/', 'pin-source=', '%41'],
      ...['file:', 'id=', '%', '\u0000', 'ü', '=', 'a'],
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(part).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const outcome = readPkcs11Uri(text)
        if (outcome.kind === 'read') {
          assert.ok(outcome.uri.modulePath.startsWith('/') && outcome.uri.pinFile.startsWith('/'))
        }
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})
