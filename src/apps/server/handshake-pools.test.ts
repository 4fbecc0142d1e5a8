import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SHORT_CONFIG } from '../../../test/running-limen.ts'
import { Meter } from '../../adapters/edge/meter.ts'
import type { Decision } from '../../behavior/decision.ts'
import { sampleDecision } from '../../ports/decision-log.contract.ts'
import { readConfig } from './config/read-config.ts'
import { handshakePools } from './handshake-pools.ts'
import { addTraffic, NO_TRAFFIC } from './traffic-sum.ts'

const HANDSHAKE = {
  ...{ ja4: 'x', ja4Stable: 'x', sni: '', alpn: [], resumption: false, chunks: 1, arrivalMs: 1 },
  client: '',
}
const decision = (change: Partial<Decision> = {}): Decision => ({
  ...{ ...sampleDecision(1), handshake: HANDSHAKE },
  ...change,
})
const traffic = ({ handshakeMembers }: Meter) => ({
  ...NO_TRAFFIC,
  handshakeMembers: Object.fromEntries(handshakeMembers),
})

it('handshakePools() shows connections, their ends and checks, by member, over all workers', () => {
  const text = `${SHORT_CONFIG}admission:
  rigorous: { members: [{ id: here }, { id: far, address: '127.0.0.1:9443', region: west }] }
`
  const read = readConfig({ file: 'x', text, folder: '/' }, {})
  if (read.kind !== 'read') assert.fail(JSON.stringify(read.complaints))
  const [one, two] = [new Meter(), new Meter()]
  const far = decision({ pool: 'rigorous', member: 'far' })
  const { handshake: _, ...plain } = decision()
  one.decided(decision())
  one.decided(plain)
  one.decided(far)
  two.decided(far)
  two.decided(decision({ member: 'gone' }))
  const none = { check: '', handshakeMs: 0 } as const
  one.handshakeEnded(decision(), { ...none, result: 'resumed', handshakeMs: 2 })
  one.handshakeEnded(far, { ...none, result: 'full', handshakeMs: 4 })
  one.handshakeEnded(far, { ...none, result: 'checked', check: 'challenge-passed' })
  two.handshakeEnded(far, { ...none, result: 'full', handshakeMs: 8 })
  two.handshakeEnded(far, { ...none, result: 'timeout' })
  two.handshakeEnded(far, { ...none, result: 'checked', check: 'user-agent-differs' })
  const sum = addTraffic(traffic(one), traffic(two))
  const [primary, rigorous] = handshakePools(sum, read.config.admission)
  const zero = {
    ...{ connections: 0, full: 0, resumed: 0, failed: 0, checksPassed: 0, checksFailed: 0 },
    handshakeMs: 0,
  }
  assert.deepEqual(primary?.members, [
    { ...zero, id: 'here', address: '', region: '', connections: 1, resumed: 1, handshakeMs: 2 },
  ])
  assert.deepEqual(rigorous?.members, [
    { ...zero, id: 'here', address: '', region: '' },
    {
      ...{ id: 'far', address: '127.0.0.1:9443', region: 'west', connections: 2, full: 2 },
      ...{ resumed: 0, failed: 1, checksPassed: 1, checksFailed: 1, handshakeMs: 6 },
    },
  ])
})
