/**
 * One `Edge` in this process on free loopback ports, composed as `apps/server/edge-worker.ts` does it:
 * a plain listener, a TLS one, one that asks for PROXY headers; one pool behind all of them.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Edge } from '../../src/adapters/edge/edge.ts'
import type { SessionGuard } from '../../src/adapters/edge/session-guard.ts'
import type { SessionMove } from '../../src/adapters/edge/session-places.ts'
import { localCertificate } from '../../src/adapters/node/local-ca.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import type { Decision, ServerChoice } from '../../src/behavior/decision.ts'
import type { HandshakeOutcome } from '../../src/behavior/handshake/observation.ts'
import { admitHandshake, admitPlain, newAdmission } from '../../src/flows/admit-handshake.ts'
import type { Clock } from '../../src/ground/clock.ts'
import type {
  AdmissionSettings,
  CertificateSettings,
  DataPlaneSettings,
  LimitSettings,
  PoolSettings,
  RouteSettings,
  ServerSettings,
  TimeoutSettings,
} from '../../src/ports/data-plane.ts'
import { freePorts } from '../free-ports.ts'

export interface EdgeUnderTest {
  readonly edge: Edge
  readonly plainPort: number
  readonly tlsPort: number
  /** Plain HTTP, every connection begins with a PROXY protocol header. */
  readonly proxyPort: number
  /** TLS, every connection begins with a PROXY protocol header. */
  readonly proxyTlsPort: number
  readonly decisions: readonly Decision[]
  readonly outcomes: readonly HandshakeOutcome[]
  /** What came with each TLS connection: whom its ticket names, and that ticket. */
  readonly tickets: readonly TicketSeen[]
  /** The certificate it serves. */
  readonly settings: DataPlaneSettings
  close(): void
}

export interface TicketSeen {
  readonly lineage: string | undefined
  readonly ticket: Uint8Array | undefined
}

export interface EdgeSetup {
  readonly upstreamPorts: readonly number[]
  readonly limits?: Partial<LimitSettings>
  readonly timeouts?: Partial<TimeoutSettings>
  readonly server?: Partial<ServerSettings>
  /** What differs from server to server, in the order of the ports. */
  readonly servers?: readonly Partial<ServerSettings>[]
  readonly pool?: Partial<PoolSettings>
  /** To the one pool; without them it takes all requests. */
  readonly routes?: readonly Omit<RouteSettings, 'pool'>[]
  readonly sessions?: SessionGuard
  readonly clock?: Clock
  readonly onSessionMoved?: (move: SessionMove, waits: boolean) => Promise<void> | undefined
  readonly onServed?: (decision: string, choice: ServerChoice) => void
  readonly admission?: Partial<AdmissionSettings>
  readonly ticketKeys?: readonly Uint8Array[]
  /** Another's, so that clients cannot tell the two apart. */
  readonly certificate?: CertificateSettings
  /** Keeps no decisions, outcomes and tickets: for long runs. */
  readonly isForgetful?: boolean
  /** What an engine in force would have decided about a handshake. */
  readonly enforce?: (decision: Decision) => Partial<Decision>
}

const HERE = { id: 'here', host: '', port: 0, region: '' } as const

/** Nobody acts: all detectors observe, this process shakes all hands. */
export const ADMISSION: AdmissionSettings = {
  mode: 'observe',
  detectors: {
    randomness: 'observe',
    rarity: 'observe',
    form: 'observe',
    profile: 'observe',
    rate: 'observe',
    signature: 'observe',
  },
  tier2: Infinity,
  tier3: Infinity,
  profileKey: new Uint8Array(16).fill(7),
  primary: { choose: 'random', region: '', members: [HERE] },
  rigorous: {
    choose: 'random',
    region: '',
    members: [HERE],
    connectionsMax: 100,
    perProfilePerSecond: 1000,
    helloRetry: true,
    userAgentCheck: true,
    work: 0,
  },
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

export async function startEdge(setup: EdgeSetup): Promise<EdgeUnderTest> {
  const [plainPort = 0, tlsPort = 0, proxyPort = 0, proxyTlsPort = 0] = await freePorts(4)
  const random = systemRandom()
  const folder = mkdtempSync(join(tmpdir(), 'limen-edge-'))
  const { certPem, keyPem } = await localCertificate({
    folder,
    names: ['localhost', '127.0.0.1'],
    clock: systemClock,
    random,
  })
  rmSync(folder, { recursive: true, force: true })
  const admissionSettings = { ...ADMISSION, ...setup.admission }
  const admission = newAdmission({ clock: systemClock, random, settings: admissionSettings })
  const decisions: Decision[] = []
  const outcomes: HandshakeOutcome[] = []
  const tickets: TicketSeen[] = []
  const edge = new Edge({
    worker: 0,
    clock: setup.clock ?? systemClock,
    ...(setup.sessions === undefined ? {} : { sessions: setup.sessions }),
    random,
    gatekeeper: {
      admitHandshake: (connection, seen) => {
        const ticket = seen.hello?.psk ?? seen.hello?.sessionTicket
        if (setup.isForgetful !== true)
          tickets.push({ lineage: connection.lineage, ticket: ticket && Uint8Array.from(ticket) })
        const { decision } = admitHandshake(admission, connection, seen)
        return { ...decision, ...setup.enforce?.(decision) }
      },
      admitPlain: (connection) => admitPlain(admission, connection),
    },
    onDecision(decision) {
      if (setup.isForgetful !== true) decisions.push(decision)
    },
    onOutcome(outcome) {
      if (setup.isForgetful !== true) outcomes.push(outcome)
    },
    onEjected: () => {},
    onServed: setup.onServed ?? (() => {}),
    onSessionMoved: setup.onSessionMoved ?? (() => undefined),
  })
  const listener = { host: '127.0.0.1', minVersion: 'TLSv1.2', alpn: ['h2', 'http/1.1'] } as const
  const settings: DataPlaneSettings = {
    listeners: [
      { ...listener, name: 'plain', port: plainPort, tls: false, proxyProtocol: 'off' },
      { ...listener, name: 'tls', port: tlsPort, tls: true, proxyProtocol: 'off' },
      { ...listener, name: 'proxied', port: proxyPort, tls: false, proxyProtocol: 'required' },
      {
        ...listener,
        name: 'proxied-tls',
        port: proxyTlsPort,
        tls: true,
        proxyProtocol: 'required',
      },
    ],
    certificates: [setup.certificate ?? { certPem, keyPem }],
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
          labels: [],
          ...setup.server,
          ...setup.servers?.[index],
        })),
        choose: 'round-robin',
        affinity: undefined,
        boundedLoad: 1.25,
        slowStartMs: 0,
        health: undefined,
        // Hostile answers count as failures: a server is not ejected for the ones asked for here.
        outlier: { consecutiveFailures: 1_000_000, ejectMs: 1000, ejectShareMax: 0.5 },
        ...setup.pool,
      },
    ],
    routes: (setup.routes ?? [{ host: '', path: '/' }]).map((one) => ({ ...one, pool: 'site' })),
    limits: { ...LIMITS, ...setup.limits },
    timeouts: { ...TIMEOUTS, ...setup.timeouts },
    admission: admissionSettings,
    affinityKey: random.bytes(32),
    ticketKeys: setup.ticketKeys ?? [random.bytes(48)],
  }
  await edge.apply(settings)
  return {
    edge,
    plainPort,
    tlsPort,
    proxyPort,
    proxyTlsPort,
    decisions,
    outcomes,
    tickets,
    settings,
    close: () => edge.close(),
  }
}
