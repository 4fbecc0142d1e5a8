import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EveRequest, eveAlert, eveHttp, eveTimestamp } from './eve-json.ts'

const REQUEST: EveRequest = {
  client: { address: '128.232.110.120', port: 34855 },
  server: { address: '66.35.250.204', port: 80 },
  ...{ openedAt: 1_700_000_000_000, nth: 2, at: Date.UTC(2026, 10, 21, 23, 51, 50, 123) },
  ...{ protocol: 'HTTP/2', method: 'POST', target: '/pay?to=7', host: 'bank.example:8443' },
  fields: [
    ['User-Agent', 'curl/8'],
    ['content-type', 'text/plain'],
    ['referer', 'https://bank.example/'],
  ],
  status: 200,
}
const VERDICT = {
  ...{ tier: 3, score: 6.25, session: 'AAAAAAAA', person: '00ff' },
  reasons: ['timings-repeated', 'text-differs'],
}

/** Names in `properties` of Suricata's etc/schema.json (8.0), which are closed: of an event, of `http`, of `alert`. */
const KNOWN = {
  event:
    'alert app_proto community_id dest_ip dest_port event_type flow_id http metadata proto src_ip src_port timestamp tx_id',
  http: 'hostname http_content_type http_method http_port http_refer http_user_agent protocol status url',
  alert: 'action category gid metadata rev severity signature signature_id',
}

describe('EVE JSON', () => {
  const http = JSON.parse(eveHttp(REQUEST, VERDICT))
  const alert = JSON.parse(eveAlert(REQUEST, VERDICT))

  it('says what was asked, by whom, over which flow', () => {
    const { flow_id: id, ...rest } = http
    assert.ok(Number.isSafeInteger(id) && id > 0)
    assert.deepEqual(rest, {
      timestamp: '2026-11-21T23:51:50.123000+0000',
      event_type: 'http',
      ...{ src_ip: '128.232.110.120', src_port: 34855, dest_ip: '66.35.250.204', dest_port: 80 },
      ...{ proto: 'TCP', community_id: '1:LQU9qZlK+B5F3KDmev6m5PMibrg=', tx_id: 2 },
      app_proto: 'http',
      metadata: { flowbits: ['limen.tier3', 'limen.timings-repeated', 'limen.text-differs'] },
      http: {
        ...{ hostname: 'bank.example', http_port: 8443, url: '/pay?to=7' },
        ...{ http_user_agent: 'curl/8', http_content_type: 'text/plain' },
        ...{ http_refer: 'https://bank.example/', http_method: 'POST', protocol: 'HTTP/2' },
        status: 200,
      },
    })
  })

  it('says in an alert which tier, and why', () => {
    assert.equal(alert.event_type, 'alert')
    assert.equal(alert.alert.severity, 1)
    assert.deepEqual(alert.alert.metadata, {
      ...{ tier: ['3'], score: ['6.25'], session: ['AAAAAAAA'], person: ['00ff'] },
      reason: VERDICT.reasons,
    })
    assert.equal(alert.flow_id, http.flow_id)
  })

  it('has no field that Suricata does not know', () => {
    for (const event of [http, alert]) {
      for (const name of Object.keys(event)) assert.ok(KNOWN.event.split(' ').includes(name), name)
      for (const name of Object.keys(event.http)) {
        assert.ok(KNOWN.http.split(' ').includes(name), name)
      }
    }
    for (const name of Object.keys(alert.alert)) {
      assert.ok(KNOWN.alert.split(' ').includes(name), name)
    }
    // The pattern that Suricata's schema has for it.
    assert.match(http.timestamp, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+-]\d+$/)
  })

  it('tells flows between the same ends apart', () => {
    const later = JSON.parse(eveHttp({ ...REQUEST, openedAt: REQUEST.openedAt + 1 }, VERDICT))
    assert.notEqual(later.flow_id, http.flow_id)
    assert.equal(later.community_id, http.community_id)
  })

  it('is one line, whatever a client sends', () => {
    const target = `/\n\u2028"${'a'.repeat(10_000)}`
    const line = eveHttp(
      { ...REQUEST, target, host: 'x', fields: [['user-agent', '\r\n']] },
      VERDICT,
    )
    assert.ok(!/[\r\n]/.test(line) && line.length < 6000)
    assert.equal(JSON.parse(line).http.hostname, 'x')
  })

  it('leaves out what there is not', () => {
    const line = eveHttp({ ...REQUEST, status: 0, fields: [] }, { ...VERDICT, reasons: [] })
    const { http: said } = JSON.parse(line)
    assert.equal('status' in said || 'http_user_agent' in said, false)
    const nobody = JSON.parse(eveAlert(REQUEST, { ...VERDICT, person: '', reasons: [] }))
    assert.deepEqual(Object.keys(nobody.alert.metadata), ['tier', 'score', 'session'])
  })

  it('eveTimestamp() has microseconds', () => {
    assert.equal(eveTimestamp(0), '1970-01-01T00:00:00.000000+0000')
  })
})
