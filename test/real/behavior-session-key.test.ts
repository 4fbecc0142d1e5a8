/**
 * Sessions under keys (LSK/1) whose behavior is suspicious: the server is told in the signed assertion, and the client is
 * asked for a new key, once.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { afterEach, it } from 'node:test'
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
}
