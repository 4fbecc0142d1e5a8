import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readApiConfig } from './api-config.ts'

const GOOD = `cluster: site
id: api1
folder: state
server: { certificate: server.pem, key: server.key }
certificate: own.pem
key: own.key
authority: ca.pem
identity: identity.pem
signingKey: signing.pem
nodes:
  - { id: n1, address: "10.0.0.1:9444", card: cards/n1 }
  - { id: n2, address: "[::1]:9444", card: cards/n2 }
threshold: 2
tokens:
  - { sha256: ${'0a'.repeat(32)}, caller: { role: app, id: web } }
access:
  - { caller: { role: app }, key: "**", operations: ["*"] }
`
let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-api-config-'))
})
after(() => rmSync(folder, { recursive: true }))

function read(text: string) {
  const path = join(folder, 'api.yaml')
  writeFileSync(path, text)
  return readApiConfig(path)
}

describe('readApiConfig()', () => {
  it("reads paths from the file's folder, and has Vault's port", () => {
    const config = read(GOOD)
    assert.equal(config.listen, '127.0.0.1:8200')
    assert.equal(config.server.key, join(folder, 'server.key'))
    assert.equal(config.nodes[1]?.card, join(folder, 'cards/n2'))
    assert.equal(config.catalogue, join(folder, 'state/keys'))
    assert.equal(config.identityKey, undefined)
    assert.equal(read(`${GOOD}catalogue: /shared\n`).catalogue, '/shared')
    assert.equal(read(`${GOOD}identityKey: id.key\n`).identityKey, join(folder, 'id.key'))
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['what it does not know', `${GOOD}plain: true\n`, /plain/],
    ['a token instead of its hash', GOOD.replace(/sha256: \w+/, 'sha256: hvs.secret'), /sha256/],
    ['a threshold above the nodes', GOOD.replace('threshold: 2', 'threshold: 3'), /threshold/],
    ['a threshold of one', GOOD.replace('threshold: 2', 'threshold: 1'), /threshold/],
    ['no access rules', GOOD.replace(/access:[\s\S]*/, ''), /access/],
    ['an address without a port', GOOD.replace('10.0.0.1:9444', '10.0.0.1'), /nodes\.0\.address/],
  ]
  for (const [name, text, words] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(() => read(text), { code: 'config-refused', message: words })
    })
  }

  it('says that it cannot be read', () => {
    assert.throws(() => readApiConfig(join(folder, 'none')), { code: 'config-unreadable' })
    assert.throws(() => read('a: [\n'), { code: 'config-unreadable' })
  })
})
