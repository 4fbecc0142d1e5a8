/**
 * One line of `limen hello`: as JSON for programs, as text for people.
 *
 * @module
 */

import type { Reason } from '../../behavior/decision.ts'
import { guessClient } from '../../behavior/handshake/known-clients.ts'
import type { Tier } from '../../behavior/tier.ts'
import type { FoundHello } from '../../flows/find-client-hellos.ts'
import { printable } from '../../ground/printable.ts'
import { groupName, versionName } from '../../wire/tls-names.ts'

/** The fields of the JSON. New ones may be added; these stay. */
export interface HelloLine {
  /** Name of the file, or the address listened on. */
  readonly file: string
  /** Number of the conversation in the file. */
  readonly stream: number
  /** Which hello of this client in the conversation: 2 follows a HelloRetryRequest, mostly. */
  readonly nth: number
  readonly transport: 'tcp' | 'quic' | 'dtls'
  /** `address:port`, '' when the file does not say. */
  readonly src: string
  readonly dst: string
  /** ISO 8601, '' when the file does not say. */
  readonly at: string
  readonly ja4: string
  readonly ja4_r: string
  readonly ja4_stable: string
  /** Best guess at the software, '' when unknown. */
  readonly client: string
  readonly sni: string
  readonly alpn: readonly string[]
  readonly versions: readonly string[]
  readonly groups: readonly string[]
  readonly key_shares: readonly string[]
  readonly resumption: boolean
  readonly early_data: boolean
  readonly ech: string
  readonly grease: boolean
  readonly records: number
  readonly chunks: number
  readonly bytes: number
  /** From the first chunk of the hello to its last, ms. */
  readonly arrival_ms: number
  /** Why it is malformed; absent when it is not. */
  readonly error?: string
  /** With `--score`: what a fresh engine decided. */
  readonly decision?: HelloDecision
}

export interface HelloDecision {
  readonly profile: string
  readonly score: number
  readonly tier: Tier
  readonly reasons: readonly Reason[]
}

const TRANSPORTS = { t: 'tcp', q: 'quic', d: 'dtls' } as const

export function helloLine(file: string, found: FoundHello): HelloLine {
  const { hello, fingerprint, error } = found
  // Without the extension the legacy field is the one version offered.
  const versions = hello.versions.length > 0 ? hello.versions : [hello.legacyVersion]
  const line = {
    file,
    stream: found.stream,
    nth: found.nth,
    transport: TRANSPORTS[found.transport],
    src: endpoint(found.source, found.sourcePort),
    dst: endpoint(found.destination, found.destinationPort),
    at: isoTime(found.at),
    ja4: fingerprint.ja4,
    ja4_r: fingerprint.raw,
    ja4_stable: fingerprint.stable,
    client: guessClient(hello),
    sni: hello.sni,
    alpn: hello.alpn,
    versions: versions.map(versionName),
    groups: hello.groups.map(groupName),
    key_shares: hello.keyShares.map((share) => groupName(share.group)),
    resumption: hello.psk !== undefined || (hello.sessionTicket?.length ?? 0) > 0,
    early_data: hello.earlyData,
    ech: hello.ech ?? '',
    grease: hello.grease,
    records: hello.records,
    chunks: hello.chunks,
    bytes: hello.bytes,
    arrival_ms: Math.round((hello.completedAt - hello.startedAt) * 1000) / 1000,
  }
  return error === undefined ? line : { ...line, error }
}

export function formatHello(line: HelloLine, output: 'json' | 'text'): string {
  if (output === 'json') return JSON.stringify(line)
  const parts = [
    line.src === '' ? line.file : `${line.src} -> ${line.dst}`,
    line.ja4,
    line.sni === '' ? '(no name)' : printable(line.sni),
    line.alpn.length === 0 ? '(no alpn)' : line.alpn.map(printable).join(','),
    line.client === '' ? '(unknown)' : line.client,
    `${line.bytes} bytes in ${line.chunks}`,
  ]
  if (line.nth > 1) parts.push(`hello ${line.nth}`)
  if (line.decision !== undefined) {
    const { tier, score, reasons } = line.decision
    const codes = reasons.filter(({ weight }) => weight > 0).map(({ code }) => code)
    parts.push(`tier ${tier}, score ${score.toFixed(2)}${codes.map((code) => ` ${code}`).join('')}`)
  }
  if (line.error !== undefined) parts.push(`malformed: ${line.error}`)
  return parts.join('  ')
}

function endpoint(address: string, port: number): string {
  if (address === '') return ''
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Dates end in the year 275760; a damaged capture may claim any time. */
function isoTime(at: number): string {
  return at > 0 && at < 8.64e15 ? new Date(at).toISOString() : ''
}
