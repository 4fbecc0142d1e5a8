import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuditLog } from '../../../adapters/node/audit-log.ts'
import { ShareAlarm, type ShareEvent } from './share-alarm.ts'

const KEY = 'ab'.repeat(16)
const corrupt = { keyId: KEY, node: 'n3', fault: 'corrupt' } as const
const good = { keyId: KEY, node: 'n3', fault: undefined }

interface Sent {
  readonly type: string
  readonly timestamp: string
  readonly data: { readonly bad: readonly ShareEvent[]; readonly events: readonly ShareEvent[] }
}

function opened(append: (entry: Parameters<AuditLog['append']>[0]) => void = () => undefined) {
  const logged: string[] = []
  const audited: string[] = []
  const sent: Sent[] = []
  let now = 0
  const at = (level: string) => (_fields: object, text: string) => {
    logged.push(`${level}: ${text}`)
  }
  const alarm = new ShareAlarm({
    clock: { now: () => ++now },
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    audit: {
      append(entry) {
        append(entry)
        audited.push(`${entry.who} ${entry.action} ${entry.subject} ${entry.detail['fault']}`)
      },
    },
    webhook: { send: (body) => sent.push(body as Sent) },
    nameOf: (keyId) => (keyId === KEY ? 'sign/ca@1' : undefined),
  })
  return { alarm, logged, audited, sent }
}

describe('ShareAlarm', () => {
  it('tells of a bad share everywhere, and again when it is good', () => {
    const { alarm, logged, audited, sent } = opened()
    alarm.note(corrupt)
    alarm.note(good)
    assert.deepEqual(logged, [
      'error: A share in custody is bad',
      'info: A share in custody is good again',
    ])
    assert.deepEqual(audited, [
      'custody custody.share.bad sign/ca@1 at n3 corrupt',
      'custody custody.share.good sign/ca@1 at n3 null',
    ])
    const event = { keyId: KEY, name: 'sign/ca@1', node: 'n3' }
    const [bad, again] = [
      { ...event, at: 1, fault: 'corrupt' },
      { ...event, at: 2, fault: null },
    ]
    assert.deepEqual(alarm.events, [again, bad])
    const type = 'limen.custody.share'
    assert.deepEqual(sent, [
      { type, timestamp: '1970-01-01T00:00:00.001Z', data: { bad: [bad], events: [bad] } },
      { type, timestamp: '1970-01-01T00:00:00.002Z', data: { bad: [], events: [again, bad] } },
    ])
  })

  it('has one bad share for each key and node, until that one is good', () => {
    const { alarm, sent } = opened()
    alarm.note(corrupt)
    alarm.note({ ...corrupt, node: 'n4' })
    alarm.note({ ...corrupt, fault: 'lost' })
    alarm.note({ ...good, node: 'n4' })
    const bad = sent.at(-1)?.data.bad.map(({ node, fault }) => [node, fault])
    assert.deepEqual(bad, [['n3', 'lost']])
  })

  it('is no alarm for a node that is away; it is not forgotten what was bad there', () => {
    const { alarm, logged, sent } = opened()
    alarm.note({ ...corrupt, fault: 'away' })
    alarm.note(good)
    assert.deepEqual([sent, alarm.events], [[], []])
    assert.deepEqual(
      logged.map((line) => line.split(':')[0]),
      ['warn', 'info'],
    )
    alarm.note(corrupt)
    alarm.note({ ...corrupt, fault: 'away' })
    alarm.note(good)
    assert.deepEqual(
      alarm.events.map(({ fault }) => fault),
      [null, 'corrupt'],
    )
  })

  it('alarms when the audit log is full, too', () => {
    const { alarm, logged, sent } = opened(() => {
      throw new Error('no room')
    })
    alarm.note({ ...corrupt, keyId: 'cd'.repeat(16) })
    assert.equal(sent.length, 1)
    assert.equal(alarm.events[0]?.name, null)
    assert.deepEqual(logged, [
      'error: A share in custody is bad',
      'error: What became of a share is not in the audit log',
    ])
  })

  it('remembers the last hundred', () => {
    const { alarm, sent } = opened()
    for (let i = 0; i < 120; i++) alarm.note({ ...corrupt, node: `n${i}` })
    assert.equal(alarm.events.length, 100)
    assert.equal(alarm.events[0]?.node, 'n119')
    assert.equal(sent.at(-1)?.data.events.length, 20)
  })
})
