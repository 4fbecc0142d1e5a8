import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fakeDataPlane } from '../../../test/fake-data-plane.ts'
import { SHORT_CONFIG } from '../../../test/running-limen.ts'
import type { Decision } from '../../behavior/decision.ts'
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import { sampleDecision } from '../../ports/decision-log.contract.ts'
import { readConfig } from './config/read-config.ts'
import { countHandshakePools } from './handshake-pools.ts'

const HANDSHAKE = {
  ...{ ja4: 'x', ja4Stable: 'x', sni: '', alpn: [], resumption: false, chunks: 1, arrivalMs: 1 },
  client: '',
}
const decision = (number: number, change: Partial<Decision> = {}): Decision => ({
  ...{ ...sampleDecision(number), handshake: HANDSHAKE },
  ...change,
})
const outcome = (number: number, change: Partial<HandshakeOutcome>): HandshakeOutcome => ({
  ...{ decision: sampleDecision(number).id, at: 0, profile: '', result: 'full', handshakeMs: 0 },
  ...{ helloRetry: false, check: '' },
  ...change,
})

it('countHandshakePools() counts connections, their ends and checks, by member', () => {
  const text = `${SHORT_CONFIG}admission:
  rigorous: { members: [{ id: here }, { id: far, address: '127.0.0.1:9443', region: west }] }
`
  const read = readConfig({ file: 'x', text, folder: '/' }, {})
  if (read.kind !== 'read') assert.fail(JSON.stringify(read.complaints))
  const plane = fakeDataPlane()
  const pools = countHandshakePools(plane, () => read.config.admission)
  const far = { pool: 'rigorous', member: 'far' } as const
  const { handshake: _, ...plain } = decision(4)
  plane.decide([decision(1), decision(2, far), decision(3, far), plain])
  plane.decide([decision(2, far), decision(5, { member: 'gone' })])
  plane.see({
    observations: [],
    outcomes: [
      outcome(1, { result: 'resumed', handshakeMs: 2 }),
      outcome(2, { result: 'full', handshakeMs: 4 }),
      outcome(2, { result: 'checked', check: 'challenge-passed' }),
      outcome(3, { result: 'timeout' }),
      outcome(3, { result: 'checked', check: 'user-agent-differs' }),
      outcome(9, { result: 'full' }),
    ],
  })
  const [primary, rigorous] = pools.views()
  const none = {
    ...{ connections: 0, full: 0, resumed: 0, failed: 0, checksPassed: 0, checksFailed: 0 },
    handshakeMs: 0,
  }
  assert.deepEqual(primary?.members, [
    { ...none, id: 'here', address: '', region: '', connections: 1, resumed: 1, handshakeMs: 2 },
  ])
  assert.deepEqual(rigorous?.members, [
    { ...none, id: 'here', address: '', region: '' },
    {
      ...{ id: 'far', address: '127.0.0.1:9443', region: 'west', connections: 2, full: 1 },
      ...{ resumed: 0, failed: 1, checksPassed: 1, checksFailed: 1, handshakeMs: 4 },
    },
  ])
  pools.close()
})
