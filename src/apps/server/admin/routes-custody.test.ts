import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../../../../test/running-limen.ts'
import { digestOf } from '../material.ts'

// With nodes: test/real/custody-console.test.ts.
const ROLES = ['viewer', 'operator'] as const
const TOKENS = ROLES.map(
  (role) => `{ name: ${role}, role: ${role}, sha256: ${digestOf(role).toString('hex')} }`,
)
let limen: RunningLimen
before(async () => {
  limen = await runLimen(SHORT_CONFIG.replace('admin: { ', `admin: { tokens: [${TOKENS}], `))
})
after(() => limen.end())

const ask = async (method: string, path: string, role?: string) => {
  const headers = role === undefined ? {} : { authorization: `Bearer ${role}` }
  const response = await fetch(new URL(path, limen.running.adminUrl), { method, headers })
  const { type, detail } = (await response.json()) as { type: string; detail: string }
  return { status: response.status, code: type.replace('urn:limen:err:', ''), detail }
}

it('/v1/custody says where custody is when it is not here', async () => {
  const { status, detail } = await ask('GET', '/v1/custody', 'viewer')
  assert.equal(status, 404)
  assert.match(detail, /custody\.mode/)
  assert.equal((await ask('POST', '/v1/custody/drills', 'operator')).status, 404)
})

it('/v1/custody is for who may see figures, drills for operators', async () => {
  assert.equal((await ask('GET', '/v1/custody')).code, 'unauthenticated')
  assert.equal((await ask('POST', '/v1/custody/drills')).code, 'unauthenticated')
  assert.equal((await ask('POST', '/v1/custody/drills', 'viewer')).code, 'forbidden')
})

it('/openapi.json describes both', async () => {
  const response = await fetch(new URL('/openapi.json', limen.running.adminUrl))
  const { paths } = (await response.json()) as { paths: Record<string, object> }
  assert.deepEqual(Object.keys(paths['/v1/custody'] ?? {}), ['get'])
  assert.deepEqual(Object.keys(paths['/v1/custody/drills'] ?? {}), ['post'])
})
