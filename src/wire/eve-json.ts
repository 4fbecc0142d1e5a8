/**
 * Events as Suricata writes them to its eve-log: JSON, one per line (EVE JSON output, etc/schema.json), for whatever reads those:
 * `http` of a request, `alert` of a session that is taken for somebody else's. Only fields that Suricata has: tier and reasons are in
 * `alert.metadata`, where it puts those of a rule, and as flow bits.
 *
 * @module
 */
import { communityId, type FlowPoint } from './community-id.ts'

export interface EveFlow {
  readonly client: FlowPoint
  readonly server: FlowPoint
  /** Tells the flow from others between the same ends: milliseconds since 1970 when it was opened. */
  readonly openedAt: number
  /** Which request of the flow, from 0. */
  readonly nth: number
}

export interface EveRequest extends EveFlow {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly protocol: string
  readonly method: string
  readonly target: string
  /** As the request has it, with its port. */
  readonly host: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** 0: it was not answered. */
  readonly status: number
}

export interface EveVerdict {
  readonly tier: number
  readonly score: number
  /** Codes. */
  readonly reasons: readonly string[]
  /** What names the session without being it. */
  readonly session: string
  readonly person: string
}

/** Ids below 2^31 that are free for local rules, as Suricata's documentation has it: 1000000 to 1999999. */
const SIGNATURE_ID = 1_001_003
/** Of a tier: 1 is Suricata's gravest. */
const SEVERITY = { 3: 1, 2: 2 } as const
/** An event is one line of a log. */
const VALUE_CHARS_MAX = 4096

/** Without its line feed. */
export function eveHttp(request: EveRequest, verdict: EveVerdict): string {
  return JSON.stringify({
    ...flowOf(request, 'http'),
    metadata: { flowbits: [`limen.tier${verdict.tier}`, ...verdict.reasons.map(flowbit)] },
    http: httpOf(request),
  })
}

/** Without its line feed. */
export function eveAlert(request: EveRequest, verdict: EveVerdict): string {
  const { tier, score, reasons, session, person } = verdict
  return JSON.stringify({
    ...flowOf(request, 'alert'),
    alert: {
      // Suricata's word for: seen, not dropped.
      action: 'allowed',
      ...{ gid: 1, signature_id: SIGNATURE_ID, rev: 1 },
      signature: `LIMEN behavior tier ${tier}`,
      category: 'Suspicious session',
      severity: tier === 3 || tier === 2 ? SEVERITY[tier] : 3,
      metadata: {
        ...{ tier: [String(tier)], score: [score.toFixed(2)], session: [session] },
        ...(person === '' ? {} : { person: [person] }),
        ...(reasons.length === 0 ? {} : { reason: [...reasons] }),
      },
    },
    http: httpOf(request),
  })
}

/** `2026-11-21T23:51:50.123000+0000`: microseconds, the offset without a colon. */
export function eveTimestamp(at: number): string {
  return new Date(at).toISOString().replace('Z', '000+0000')
}

function flowOf(
  { at, client, server, openedAt, nth }: EveRequest,
  kind: 'http' | 'alert',
): Record<string, unknown> {
  const community = communityId(client, server)
  return {
    timestamp: eveTimestamp(at),
    flow_id: flowId(
      `${client.address} ${client.port} ${server.address} ${server.port} ${openedAt}`,
    ),
    event_type: kind,
    ...{ src_ip: client.address, src_port: client.port },
    ...{ dest_ip: server.address, dest_port: server.port, proto: 'TCP' },
    ...(community === '' ? {} : { community_id: community }),
    tx_id: nth,
    app_proto: 'http',
  }
}

function httpOf(request: EveRequest): Record<string, unknown> {
  const { host, target, method, protocol, status, fields } = request
  const port = /:(\d{1,5})$/.exec(host)?.[1]
  const named = (name: string, key: string) => {
    const value = fields.find(([each]) => each.toLowerCase() === name)?.[1]
    return value === undefined ? {} : { [key]: value.slice(0, VALUE_CHARS_MAX) }
  }
  return {
    hostname: port === undefined ? host : host.slice(0, -port.length - 1),
    ...(port === undefined ? {} : { http_port: Number(port) }),
    url: target.slice(0, VALUE_CHARS_MAX),
    ...named('user-agent', 'http_user_agent'),
    ...named('content-type', 'http_content_type'),
    ...named('referer', 'http_refer'),
    ...{ http_method: method, protocol },
    ...(status === 0 ? {} : { status }),
  }
}

function flowbit(reason: string): string {
  return `limen.${reason}`
}

/** 52 bits, exact in a double: FNV-1a (Fowler, Noll, Vo), twice with other bases. Not secret, only different. */
function flowId(text: string): number {
  return fnv(text, 0x811c9dc5) * 2 ** 20 + (fnv(text, 0x01000193) >>> 12)
}

function fnv(text: string, basis: number): number {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
