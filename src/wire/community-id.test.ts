import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { communityId } from './community-id.ts'

/** Of the specification's own tables (baseline_deflt.json, baseline_seed1.json). */
const VECTORS = [
  [
    ...[6, '128.232.110.120', 34855, '66.35.250.204', 80],
    ...['1:LQU9qZlK+B5F3KDmev6m5PMibrg=', '1:3V71V58M3Ksw/yuFALMcW0LAHvc='],
  ],
  [
    ...[6, '2001:470:e5bf:dead:4957:2174:e82c:4887', 63943, '2607:f8b0:400c:c03::1a', 25],
    ...['1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=', '1:eJYTW6AOzFLlSUoESovMjnu7rMw='],
  ],
  [
    ...[17, '192.168.1.52', 54585, '8.8.8.8', 53],
    ...['1:d/FP5EW3wiY1vCndhwleRRKHowQ=', '1:Q9We8WO3piVF8yEQBNJF4uiSVrI='],
  ],
  [
    ...[132, '192.168.170.8', 7, '192.168.170.56', 7],
    ...['1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=', '1:5w3ZRjeKBzqT3zsaEECDGjUbYeg='],
  ],
] as [number, string, number, string, number, string, string][]

describe('communityId()', () => {
  it('is that of the published vectors, in both directions', () => {
    for (const [protocol, from, fromPort, to, toPort, plain, seeded] of VECTORS) {
      const one = { address: from, port: fromPort }
      const other = { address: to, port: toPort }
      assert.equal(communityId(one, other, 0, protocol), plain)
      assert.equal(communityId(other, one, 0, protocol), plain)
      assert.equal(communityId(one, other, 1, protocol), seeded)
      assert.equal(communityId(other, one, 1, protocol), seeded)
    }
  })

  it('orders ends of one address by their ports', () => {
    const [one, other] = [5000, 300].map((port) => ({ address: '127.0.0.1', port }))
    assert.ok(one && other)
    assert.equal(communityId(one, other), communityId(other, one))
    assert.notEqual(communityId(one, other), communityId(one, one))
  })

  it('is empty where there is no flow', () => {
    const good = { address: '127.0.0.1', port: 1 }
    for (const address of ['', 'localhost', '::1', '1.2.3.256']) {
      assert.equal(communityId(good, { address, port: 1 }), '', address)
    }
  })
})
