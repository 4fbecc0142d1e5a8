/**
 * One `Edge` in this process on free loopback ports, composed as `apps/server/edge-worker.ts` does it:
 * a plain listener, a TLS one, one that asks for PROXY headers; one pool behind all of them.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Edge } from '../../src/adapters/edge/edge.ts'
import { localCertificate } from '../../src/adapters/node/local-ca.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { admitHandshake, admitPlain, newAdmission } from '../../src/flows/admit-handshake.ts'
import type {
  DataPlaneSettings,
  LimitSettings,
  ServerSettings,
  TimeoutSettings,
} from '../../src/ports/data-plane.ts'

export interface EdgeUnderTest {
  readonly edge: Edge
  readonly plainPort: number
  readonly tlsPort: number
  /** Plain HTTP, every connection begins with a PROXY protocol header. */
  readonly proxyPort: number
  close(): void
}

export interface EdgeSetup {
  readonly upstreamPorts: readonly number[]
  readonly limits?: Partial<LimitSettings>
  readonly timeouts?: Partial<TimeoutSettings>
  readonly server?: Partial<ServerSettings>
}

const LIMITS: LimitSettings = {
  connectionsMax: 10_000,
  headBytes: 16_384,
  headersMax: 100,
  urlBytes: 4096,
  bodyBytes: 16 * 1024 * 1024,
  requestBufferBytes: 16_384,
  responseBufferBytes: 262_144,
  requestsPerConnection: 10_000,
  h2StreamsMax: 100,
}

const TIMEOUTS: TimeoutSettings = {
  helloMs: 2000,
  helloChunkMs: 1000,
  tlsMs: 2000,
  headMs: 1000,
  bodyMs: 1000,
  bodyBytesPerSecondMin: 10_000,
  readMs: 1000,
  readBytesPerSecondMin: 100_000,
  idleMs: 2000,
  connectMs: 1000,
  firstByteMs: 1000,
  upstreamIdleMs: 1000,
  queueMs: 1000,
  tunnelIdleMs: 2000,
}

/** Ports that nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export async function startEdge(setup: EdgeSetup): Promise<EdgeUnderTest> {
  const [plainPort = 0, tlsPort = 0, proxyPort = 0] = await freePorts(3)
  const random = systemRandom()
  const folder = mkdtempSync(join(tmpdir(), 'limen-edge-'))
  const { certPem, keyPem } = await localCertificate({
    folder,
    names: ['localhost', '127.0.0.1'],
    clock: systemClock,
    random,
  })
  rmSync(folder, { recursive: true, force: true })
  const admission = newAdmission({
    clock: systemClock,
    random,
    settings: { mode: 'observe', tier2: Infinity, tier3: Infinity },
  })
  const edge = new Edge({
    worker: 0,
    clock: systemClock,
    random,
    gatekeeper: {
      admitHandshake: (connection, seen) => admitHandshake(admission, connection, seen),
      admitPlain: (connection) => admitPlain(admission, connection),
    },
    onDecision: () => {},
    onEjected: () => {},
  })
  const listener = { host: '127.0.0.1', minVersion: 'TLSv1.2', alpn: ['h2', 'http/1.1'] } as const
  const settings: DataPlaneSettings = {
    listeners: [
      { ...listener, name: 'plain', port: plainPort, tls: false, proxyProtocol: 'off' },
      { ...listener, name: 'tls', port: tlsPort, tls: true, proxyProtocol: 'off' },
      { ...listener, name: 'proxied', port: proxyPort, tls: false, proxyProtocol: 'required' },
    ],
    certificates: [{ certPem, keyPem }],
    pools: [
      {
        name: 'site',
        servers: setup.upstreamPorts.map((port, index) => ({
          id: `s${index}`,
          host: '127.0.0.1',
          port,
          weight: 1,
          connectionsMax: 256,
          proxyProtocol: 'off',
          ...setup.server,
        })),
        choose: 'round-robin',
        affinity: undefined,
        boundedLoad: 1.25,
        health: undefined,
        // Hostile answers count as failures: a server is not ejected for the ones asked for here.
        outlier: { consecutiveFailures: 1_000_000, ejectMs: 1000, ejectShareMax: 0.5 },
      },
    ],
    routes: [{ host: '', path: '/', pool: 'site' }],
    limits: { ...LIMITS, ...setup.limits },
    timeouts: { ...TIMEOUTS, ...setup.timeouts },
    admission: { mode: 'observe', tier2: Infinity, tier3: Infinity },
    affinityKey: random.bytes(32),
    ticketKeys: [random.bytes(48)],
  }
  await edge.apply(settings)
  return { edge, plainPort, tlsPort, proxyPort, close: () => edge.close() }
}
