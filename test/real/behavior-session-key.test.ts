/**
 * Sessions under keys (LSK/1) whose behavior is suspicious: the server is told in the signed assertion, and the client is
 * asked for a new key, once.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { afterEach, it } from 'node:test'
import type { SessionMove } from '../../src/adapters/edge/session-places.ts'
import {
  echoed,
  readAssertion,
  type SessionEdge,
  startSessionEdge,
  VERSIONS,
} from './session-edge-under-test.ts'

let edge: SessionEdge | undefined
afterEach(() => edge?.close())

for (const version of VERSIONS) {
  it(`a tier that has risen is in the assertion, and asks for a new key once (${version})`, async () => {
    edge = await startSessionEdge()
    const { worker } = edge
    const holder = await edge.holder({ tier: 1 })
    const ask = async () => {
      const answered = await (edge as SessionEdge).askAs(holder, version)
      assert.equal(answered.status, 200)
      const [assertion = ''] = echoed(answered).headers['limen-assertion'] ?? []
      const hint = String(answered.fields['sessionkey-rotate'] ?? '')
      return { tier: readAssertion(assertion)?.['tier'], hint }
    }
    assert.deepEqual(await ask(), { tier: 1, hint: '' })
    worker.behaves([{ session: holder.id, shown: 2, enforced: 1 }])
    assert.deepEqual(await ask(), { tier: 1, hint: '' })
    worker.behaves([{ session: holder.id, shown: 2, enforced: 2 }])
    const risen = await ask()
    assert.equal(risen.tier, 2)
    assert.match(risen.hint, /reason=security/)
    const rotated = await edge.holder({ ...holder.contents, generation: 2 })
    const after = await edge.askAs(rotated, version)
    assert.equal(after.fields['sessionkey-rotate'], undefined)
    worker.behaves([{ session: holder.id, shown: 1, enforced: 1 }])
    assert.equal((await ask()).tier, 1)
  })

  it(`a tier that changes leads to another pool, whose servers are told of each other (${version})`, async () => {
    const moves: [SessionMove, waits: boolean][] = []
    const state = { affinity: { session: true }, handoff: { state: true } }
    edge = await startSessionEdge({
      pool: state,
      onSessionMoved: (move, waits) => {
        moves.push([move, waits])
        return Promise.resolve()
      },
    })
    const { edge: under, origin } = edge
    const { settings } = under
    const [site] = settings.pools
    const [route] = settings.routes
    assert.ok(site !== undefined && route !== undefined)
    const sandbox = site.servers.map((server) => ({ ...server, id: 'deep', port: origin.port }))
    const behavior = { userField: 'limen-user', requestsPerSecond: 0, work: 0 }
    await under.edge.apply({
      ...settings,
      pools: [site, { ...site, name: 'sandbox', servers: sandbox }],
      routes: [{ ...route, tierPools: { tier3: 'sandbox' } }],
      behavior,
    })
    const holder = await edge.holder({ tier: 1 })
    const ask = async () =>
      assert.equal((await (edge as SessionEdge).askAs(holder, version)).status, 200)
    await ask()
    const rises = (enforced: 1 | 2 | 3) =>
      under.edge.tellTiers([{ session: holder.id, shown: enforced, enforced }])
    rises(2)
    await ask()
    assert.deepEqual(moves, [])
    rises(3)
    await ask()
    await ask()
    rises(1)
    await ask()
    const move = { session: holder.id, generation: 1, reason: 'tier', lives: true } as const
    assert.deepEqual(moves, [
      [{ ...move, left: 'site', from: 's0', pool: 'sandbox', to: 'deep' }, true],
      [{ ...move, left: 'sandbox', from: 'deep', pool: 'site', to: 's0' }, true],
    ])
  })
}
