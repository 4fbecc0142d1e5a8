import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { issueEdge } from './cluster/issue-edge.ts'
import { readConfig } from './config/read-config.ts'
import { checkSessionFiles } from './session-files.ts'

let folder = ''
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-files-'))
  const file = join(folder, 'keys.yaml')
  writeFileSync(file, 'sessions: { enabled: true, cluster: { address: "127.0.0.1:1" } }\n')
  for (const edge of ['edge-1', 'edge-2', 'edge-3']) {
    await issueEdge({
      file,
      edge,
      folder: join(folder, edge),
      environment: { LIMEN_CUSTODY__MODE: 'off' },
    })
  }
})
after(() => rmSync(folder, { recursive: true }))

const POOL =
  'pools: [{ name: a, servers: [{ id: a, address: "127.0.0.1:1" }] }]\nroutes: [{ pool: a }]\n'
const LISTENERS = 'listeners: [{ name: a, address: "127.0.0.1:2" }]\n'
/** Complaints about a file with these `sessions`, without the folder. */
const complaints = (sessions: string): string[] => {
  const text = `${LISTENERS}${POOL}sessions: { ${sessions} }\n`
  const outcome = readConfig({ file: 'x', text, folder }, {})
  assert.ok(outcome.kind === 'read', JSON.stringify(outcome))
  const found = checkSessionFiles(outcome.config, outcome.blame)
  return found.map(({ path, text: why }) => `${path}: ${why}`.replaceAll(`${folder}/`, ''))
}
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return name
}
const edgeOf = (name: string): string =>
  `server: { address: "127.0.0.1:1", http: "127.0.0.1:3", credentials: ${name} }`

it('checkSessionFiles() takes what is good', () => {
  assert.deepEqual(complaints(edgeOf('edge-1')), [])
  const { publicKey } = generateKeyPairSync('ed25519')
  const jwks = write('good.json', JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }))
  assert.deepEqual(complaints(`enabled: true, login: { jwks: ${jwks} }`), [])
})

it('checkSessionFiles() says what is wrong with credentials', () => {
  assert.match(complaints(edgeOf('nowhere')).join(), /credentials: cannot read nowhere\/cert\.pem/)
  copyFileSync(join(folder, 'edge-1/key.pem'), join(folder, 'edge-2/key.pem'))
  assert.match(complaints(edgeOf('edge-2')).join(), /key\.pem is not the key of cert\.pem/)
  writeFileSync(join(folder, 'edge-3/token'), 'x')
  assert.match(complaints(edgeOf('edge-3')).join(), /edge-3\/token holds no token/)
})

it('checkSessionFiles() says what is wrong with the keys of who logs in', () => {
  const said = (text: string) =>
    complaints(`enabled: true, login: { jwks: ${write('bad.json', text)} }`).join()
  assert.match(said('{'), /is no JSON/)
  assert.match(said('null'), /holds no keys/)
  assert.match(said('{ "keys": [] }'), /holds no keys/)
  const { privateKey } = generateKeyPairSync('ed25519')
  assert.match(
    said(JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] })),
    /key 1 is no public key/,
  )
  assert.match(said('{ "keys": [{ "kty": "oct", "k": "AAAA" }] }'), /key 1 is no public key/)
  assert.match(
    complaints('enabled: true, login: { jwks: nowhere.json }').join(),
    /cannot be read: ENOENT/,
  )
})

it('checkSessionFiles() says what is wrong with the files of Redis', () => {
  const files = `passwordFile: ${write('empty', '')}, caFile: ${write('no.pem', 'x')}`
  assert.deepEqual(complaints(`enabled: true, redis: { url: "rediss://a:1", ${files} }`), [
    'sessions.redis.passwordFile: is empty',
    'sessions.redis.caFile: holds no certificate',
  ])
})
