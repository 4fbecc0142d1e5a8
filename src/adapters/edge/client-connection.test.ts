import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ProxyHeader, readProxyHeader } from '../../wire/proxy-v2.ts'
import type { Accepted } from './accepted.ts'
import { ClientConnection, type Speaker } from './client-connection.ts'

const SPEAKER: Speaker = { deadline: 0, expire() {}, drain() {}, closed() {} }
const LISTENER = { name: 'in', tls: false, port: 8443 }
const came = (remoteAddress: string, localAddress: string): ClientConnection => {
  const accepted = { channel: {}, remoteAddress, remotePort: 4567, localAddress }
  return new ClientConnection(accepted as unknown as Accepted, LISTENER, 0, SPEAKER)
}
const told = (connection: ClientConnection): ProxyHeader => {
  const read = readProxyHeader(connection.proxyHeader())
  return read.kind === 'read' ? read.header : assert.fail(read.kind)
}
const SAID: ProxyHeader = {
  local: false,
  source: { address: '2001:db8::7', port: 50_000 },
  destination: { address: '2001:db8::1', port: 443 },
  tlvs: [{ type: 0xe5, value: Uint8Array.of(1) }],
}

describe('ClientConnection.proxyHeader()', () => {
  it('names the listener to which a client came by itself', () => {
    const { source, destination } = told(came('192.0.2.7', '192.0.2.1'))
    assert.deepEqual(source, { address: '192.0.2.7', port: 4567 })
    assert.deepEqual(destination, { address: '192.0.2.1', port: 8443 })
  })

  it('hands on both ends as a proxy in front says them, and not its TLVs', () => {
    const connection = came('192.0.2.9', '192.0.2.1')
    connection.believe(SAID)
    const { source, destination, tlvs } = told(connection)
    assert.deepEqual([source, destination, tlvs], [SAID.source, SAID.destination, []])
    assert.equal(connection.localPort, 8443)
  })

  it('keeps the ends of the connection when that proxy speaks for itself', () => {
    const connection = came('192.0.2.9', '192.0.2.1')
    connection.believe({ local: true, source: undefined, destination: undefined, tlvs: [] })
    assert.deepEqual(told(connection).destination, { address: '192.0.2.1', port: 8443 })
  })
})
