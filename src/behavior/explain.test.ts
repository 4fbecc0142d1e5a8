import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from './decision.ts'
import { explainDecision } from './explain.ts'

const DECISION: Decision = {
  id: '01M7XM3VSRX7XCQ9TDNS3XEJSW',
  subject: '192.0.2.7:52044',
  tier: 3,
  score: 17.24,
  reasons: [
    { code: 'no-server-name', text: 'It asks for no server name', weight: 0 },
    { code: 'random-repeated', text: 'Its random was in another hello 5 s ago', weight: 17.24 },
  ],
  model: 'handshake/1',
  mode: 'observe',
  at: Date.UTC(2026, 10, 21, 12),
  listener: 'web',
  enforced: 1,
  pool: 'primary',
  member: 'here',
  profile: '0011223344556677',
  handshake: {
    ja4: 't13i311100_e8f1e7e78f70_dbd39dd1d406',
    ja4Stable: 't13i311000_e8f1e7e78f70_1f22a2ca17c4',
    sni: '',
    alpn: ['h2', 'http/1.1'],
    resumption: true,
    chunks: 2,
    arrivalMs: 12.3,
    client: 'OpenSSL',
  },
}

describe('explainDecision()', () => {
  it('tells what was decided, why, and about whom', () => {
    assert.deepEqual(explainDecision(DECISION), [
      'Decision 01M7XM3VSRX7XCQ9TDNS3XEJSW',
      '192.0.2.7:52044 on listener web, 2026-11-21T12:00:00.000Z',
      'Tier 3, isolated resources (only observed: it was served like everybody else)',
      'Its handshake was taken by the primary pool, member here',
      'Score 17.24: fewer than 1 honest client in 10^17 looks like this',
      '',
      'Why',
      '  +17.24  Its random was in another hello 5 s ago  [random-repeated]',
      '       -  It asks for no server name  [no-server-name]',
      '',
      'The client',
      '  software     looks like OpenSSL',
      '  asked for    no server name',
      '  protocols    h2, http/1.1',
      '  resumption   offered',
      '  ClientHello  in 2 pieces, whole after 12 ms',
      '  JA4          t13i311100_e8f1e7e78f70_dbd39dd1d406',
      '  JA4 stable   t13i311000_e8f1e7e78f70_1f22a2ca17c4  (without what changes on resumption)',
      '',
      'Profile 0011223344556677',
      'Decided by handshake/1',
    ])
  })

  it('is short about an ordinary connection', () => {
    const { handshake: _, ...plain } = DECISION
    const lines = explainDecision({ ...plain, tier: 1, score: 0, reasons: [], mode: 'enforce' })
    assert.ok(lines.includes('Score 0.00: an ordinary client'))
    assert.ok(lines.includes('  nothing about it is out of the ordinary'))
    assert.ok(!lines.includes('The client'))
  })

  it('says small odds in whole numbers', () => {
    const lines = explainDecision({ ...DECISION, score: 3.2 })
    assert.ok(lines.includes('Score 3.20: about 1 honest client in 1,585 looks like this'))
  })

  it('says what became of the tier', () => {
    const said = (changes: Partial<Decision>) => explainDecision({ ...DECISION, ...changes })[2]
    assert.equal(said({ mode: 'enforce', enforced: 3 }), 'Tier 3, isolated resources (enforced)')
    assert.equal(
      said({ mode: 'enforce', enforced: 2 }),
      'Tier 3, isolated resources (enforced: tier 2, stricter resources)',
    )
    assert.equal(
      said({ mode: 'enforce' }),
      'Tier 3, isolated resources (by evidence that is not in force: it was served like everybody else)',
    )
    assert.equal(said({ tier: 1 }), 'Tier 1, ordinary resources')
    const rigorous = explainDecision({ ...DECISION, pool: 'rigorous', member: '' })
    assert.ok(rigorous.includes('Its handshake was taken by the rigorous pool, which checks more'))
  })

  it('says who served it, and why', () => {
    const served = { pool: 'site', server: 'b', reasons: ['Client of kind 2', 'Chosen b'] }
    const lines = explainDecision({ ...DECISION, served })
    const from = lines.indexOf('Served by b of pool site')
    assert.deepEqual(lines.slice(from + 1, from + 3), ['  Client of kind 2', '  Chosen b'])
  })

  it('prints nothing that steers a terminal', () => {
    const handshake = {
      ...DECISION,
      handshake: { ...DECISION.handshake, sni: 'a\u001b[31m', alpn: ['\u00ff'] },
    }
    const text = explainDecision(handshake as Decision).join('\n')
    assert.ok(text.includes('a\\x1b[31m') && text.includes('\\xff'))
    assert.ok(!text.includes('\u001b'))
  })

  it('tells of a session whose behavior was judged, and of nothing else', () => {
    const { handshake: _, profile: __, ...session } = DECISION
    const reasons = [{ code: 'text-differs', text: 'It types otherwise', weight: 3.1 }]
    const about = { subject: 'session AbCdEfGh', person: 'ab12', model: 'person/1' }
    assert.deepEqual(
      explainDecision({ ...session, ...about, reasons, tier: 2, enforced: 2, score: 3.1 }),
      [
        'Decision 01M7XM3VSRX7XCQ9TDNS3XEJSW',
        'session AbCdEfGh, 2026-11-21T12:00:00.000Z',
        'Tier 2, stricter resources (enforced)',
        'Score 3.10: the digits of the evidence against its person',
        '',
        'Why',
        '   +3.10  It types otherwise  [text-differs]',
        '',
        'Person ab12',
        'Decided by person/1',
      ],
    )
  })
})
