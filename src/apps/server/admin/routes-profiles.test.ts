import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SAMPLE_JA4, sampleObservation } from '../../../../test/fixtures/sample-handshake.ts'
import { type RunningLimen, runLimen } from '../../../../test/running-limen.ts'
import { sampleDecision } from '../../../ports/decision-log.contract.ts'

const PROFILE = '00000000000000a1'
const STRANGER = '00000000000000b2'
const SEEN = sampleObservation(PROFILE, { decision: sampleDecision(1).id })

let limen: RunningLimen
before(async () => {
  limen = await runLimen()
  limen.plane.decide([{ ...sampleDecision(1), profile: PROFILE }, sampleDecision(2)])
  limen.plane.see({ observations: [SEEN], outcomes: [] })
})
after(() => limen.end())

const ask = (method: string, path: string, body?: unknown) =>
  fetch(new URL(path, limen.running.adminUrl), {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: {
      authorization: `Bearer ${limen.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  })
const read = async (path: string) => (await ask('GET', path)).json()
const codeOf = async (response: Response): Promise<string> => {
  const { type } = (await response.json()) as { type: string }
  return `${response.status} ${type.replace('urn:limen:err:', '')}`
}
const audited = async (): Promise<readonly unknown[]> => {
  const { entries } = (await read('/v1/audit')) as {
    entries: { action: string; subject: string; detail: unknown }[]
  }
  return entries.map(({ action, subject, detail }) => [action, subject, detail])
}

describe('profiles', () => {
  it('are listed and shown, without what detectors keep', async () => {
    const { profiles } = (await read('/v1/profiles?tier=1')) as { profiles: { id: string }[] }
    assert.deepEqual(
      profiles.map(({ id }) => id),
      [PROFILE],
    )
    assert.deepEqual(await read('/v1/profiles?tier=3'), { profiles: [] })
    const profile = (await read(`/v1/profiles/${PROFILE}`)) as Record<string, unknown>
    const { client, connections, ja4Stable } = profile
    assert.deepEqual([client, connections, ja4Stable], ['Chromium', 1, SAMPLE_JA4])
    for (const field of ['randoms', 'rate', 'features']) assert.equal(field in profile, false)
  })

  it('that are not there, and ids that are none', async () => {
    assert.equal(await codeOf(await ask('GET', `/v1/profiles/${STRANGER}`)), '404 not-found')
    assert.equal(await codeOf(await ask('GET', '/v1/profiles/x')), '400 bad-request')
    assert.equal(await codeOf(await ask('GET', '/v1/profiles?tier=4')), '400 bad-request')
    const body = { label: 'bad' }
    for (const [method, path] of [
      ['POST', `/v1/profiles/${STRANGER}/feedback`],
      ['POST', `/v1/decisions/${sampleDecision(2).id}/feedback`],
      ['POST', `/v1/decisions/${sampleDecision(9).id}/feedback`],
      ['DELETE', '/v1/signatures/none'],
    ] as const) {
      const sent = method === 'POST' ? body : undefined
      assert.equal(await codeOf(await ask(method, path, sent)), '404 not-found', path)
    }
    assert.deepEqual(await audited(), [])
  })

  it('feedback makes a signature, is audited, and can be taken back', async () => {
    const path = `/v1/profiles/${PROFILE}/feedback`
    assert.equal(await codeOf(await ask('POST', path, { label: 'ugly' })), '400 bad-request')
    const judged = await ask('POST', path, { label: 'bad', why: 'a scanner' })
    const { profile, signature } = (await judged.json()) as {
      profile: { label: string; labelledBy: string }
      signature: { id: string; match: object }
    }
    assert.deepEqual([profile.label, profile.labelledBy], ['bad', 'admin-token'])
    assert.deepEqual(signature.match, { ja4Stable: SAMPLE_JA4, addressGroup: '192.0.2.0/24' })
    const [listed] = (await read('/v1/signatures')) as { id: string }[]
    assert.equal(listed?.id, signature.id)
    assert.equal((await ask('DELETE', `/v1/signatures/${signature.id}`)).status, 204)
    assert.deepEqual(await read('/v1/signatures'), [])
    const again = await ask('POST', `/v1/decisions/${sampleDecision(1).id}/feedback`, {
      label: 'good',
    })
    assert.equal(again.status, 200)
    const decision = sampleDecision(1).id
    assert.deepEqual(await audited(), [
      ['profile.feedback', PROFILE, { label: 'good', why: '', decision }],
      ['signature.remove', signature.id, {}],
      ['profile.feedback', PROFILE, { label: 'bad', why: 'a scanner' }],
    ])
  })

  it('can be removed', async () => {
    assert.equal((await ask('DELETE', `/v1/profiles/${PROFILE}`)).status, 204)
    assert.equal(await codeOf(await ask('GET', `/v1/profiles/${PROFILE}`)), '404 not-found')
    assert.equal(await codeOf(await ask('DELETE', `/v1/profiles/${PROFILE}`)), '404 not-found')
  })
})

it('handshake pools are those of the configuration', async () => {
  const pools = (await read('/v1/handshake-pools')) as { pool: string; members: { id: string }[] }[]
  assert.deepEqual(
    pools.map(({ pool, members }) => [pool, members[0]?.id]),
    [
      ['primary', 'here'],
      ['rigorous', 'here'],
    ],
  )
})
