/**
 * Opens all that takes and tells shared security signals. Nothing of it where `signals` names nobody. What somebody else tells is
 * not told on: two who tell each other would never end.
 *
 * @module
 */
import { createHash, type KeyObject } from 'node:crypto'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createRemoteJWKSet, customFetch } from 'jose'
import type { AuditLog } from '../../../adapters/node/audit-log.ts'
import { readBearerToken } from '../../../adapters/node/bearer-token.ts'
import { readCertificatePair } from '../../../adapters/node/certificate-files.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import type { Clock } from '../../../ground/clock.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Random } from '../../../ground/random.ts'
import type { Behavior, TierChange } from '../behavior/open-behavior.ts'
import { addressOf, type Config } from '../config/schema.ts'
import type { KeyServer } from '../key-server/key-server.ts'
import { subjectPseudonyms } from '../key-server/login.ts'
import { publicKeySet } from '../public-key-set.ts'
import { STATE_FILES } from '../state-files.ts'
import { ask } from './ask.ts'
import { KEYS_PATH, signalServer } from './listener.ts'
import { type Poll, startPoll } from './poll.ts'
import { SeenTokens } from './seen-tokens.ts'
import { SignalDesk, type Transmitter } from './signal-desk.ts'
import { SignalEffects } from './signal-effects.ts'
import { SignalTeller } from './signal-teller.ts'

export interface SignalsOptions {
  readonly config: Config
  /** undefined while session keys are off, or the key server is elsewhere. */
  readonly keyServer: KeyServer | undefined
  /** undefined while nobody's behavior is watched. */
  readonly behavior: Pick<Behavior, 'people'> | undefined
  readonly audit: Pick<AuditLog, 'append'>
  readonly recordKey: KeyObject
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Signals {
  /** The key server, telling what it revokes. */
  readonly keyServer: KeyServer | undefined
  tierChanged(change: TierChange): void
  view(): SignalsView
  /** Resolves at once where nobody pushes; rejects as sockets do. */
  listen(): Promise<void>
  close(): Promise<void>
}

export interface SignalsView {
  readonly transmitters: readonly {
    readonly issuer: string
    readonly pushes: boolean
    /** Whether it answered when it was asked last; absent: it is not asked, or was not yet. */
    readonly answers?: boolean
  }[]
  /** Events taken by what became of them, tokens refused by why. */
  readonly received: Readonly<Record<string, number>>
  readonly receivers: readonly {
    readonly url: string
    readonly waiting: number
    readonly sent: number
    readonly refused: number
    readonly lost: number
  }[]
}

type TransmitterConfig = Config['signals']['transmitters'][number]

const JWKS_BYTES_MAX = 65_536
/** A key that is not known makes us ask for keys again, this often at most. */
const JWKS_COOLDOWN_MS = 10_000

/** @throws LimenError `signals-key-bad`, `signals-jwks-bad` */
export function openSignals(options: SignalsOptions): Signals | undefined {
  const { config, keyServer, behavior, audit, clock, random, log, recordKey: master } = options
  const { signals, data, sessions } = config
  const { address, transmitters, receivers } = signals
  if (address === undefined && transmitters.length + receivers.length === 0) return undefined
  // What may refuse to start first: nothing is to be closed then.
  const known = transmitters.map((one) => ({ one, transmitter: opened(one, signals.issuer, log) }))
  const certificate = certificateOf(signals.certificate)
  const unkept = (error: unknown): void => log.error({ err: error }, 'Cannot keep signals')
  const seenIn = join(data, STATE_FILES.signalsSeen)
  const seen = new SeenTokens(seenIn, Math.floor(clock.now() / 1000), unkept)
  const effects = new SignalEffects({
    ...{ keyServer, people: behavior?.people, audit },
    ...{ loginIssuer: sessions.login?.issuer, pseudonymOf: subjectPseudonyms(master) },
  })
  const desk = new SignalDesk({ effects, seen, clock, log })
  const teller = new SignalTeller({
    ...{ signals, clock, random, log, unkept },
    seal: aesRecordSeal(master, 'signals', random),
    inData: (name) => join(data, name),
  })
  const server =
    address === undefined
      ? undefined
      : signalServer({
          ...{ desk, certificate },
          published: publishedBy(signals.issuer, teller),
          pushers: known.flatMap(({ one, transmitter }) =>
            one.tokenFile === undefined
              ? []
              : [{ transmitter, digest: digestOf(readBearerToken(one.tokenFile)) }],
          ),
        })
  const polls = new Map<string, Poll>()
  for (const { one, transmitter } of known) {
    if (one.poll === undefined) continue
    const { url, tokenFile, everyS } = one.poll
    const token = tokenFile === undefined ? undefined : readBearerToken(tokenFile)
    polls.set(one.issuer, startPoll({ transmitter, url, token, everyMs: everyS * 1000, desk, log }))
  }
  return {
    keyServer: keyServer && telling(keyServer, teller),
    tierChanged: ({ session, person, tier, before }) => {
      const known = keyServer?.session(session)
      const user = known?.subject ?? (person === '' ? undefined : person)
      teller.tierChanged({ session: known?.id, user }, before, tier)
    },
    view: () => ({
      transmitters: transmitters.map(({ issuer, tokenFile }) => {
        const answers = polls.get(issuer)?.isAnswered
        const pushes = tokenFile !== undefined
        return { issuer, pushes, ...(answers === undefined ? {} : { answers }) }
      }),
      received: desk.received(),
      receivers: teller.views(),
    }),
    async listen() {
      if (server !== undefined && address !== undefined) await listening(server, addressOf(address))
    },
    async close() {
      await Promise.all([...polls.values()].map((poll) => poll.close()))
      if (server?.listening === true) {
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeAllConnections()
        await closed
      }
      await teller.close()
      seen.close()
    },
  }
}

/** Revocations by whoever holds this one are told. Those of a whole group name nobody. */
function telling(keyServer: KeyServer, teller: SignalTeller): KeyServer {
  return {
    ...keyServer,
    revokeSession(id) {
      keyServer.revokeSession(id)
      teller.revoked({ session: id, user: keyServer.session(id)?.subject })
    },
    revokeSubject(subject) {
      const remembered = keyServer.revokeSubject(subject)
      teller.revoked({ session: undefined, user: subject })
      return remembered
    },
  }
}

function opened(one: TransmitterConfig, ours: string | undefined, log: Log): Transmitter {
  const { issuer, audience = ours ?? '', jwks, jwksUrl } = one
  if (jwks !== undefined) {
    return { issuer, audience, keys: keysIn(jwks, issuer, log) }
  }
  const keys = createRemoteJWKSet(new URL(jwksUrl ?? ''), {
    cooldownDuration: JWKS_COOLDOWN_MS,
    [customFetch]: async (url, { signal }) => {
      const headers = { accept: 'application/json' }
      const answered = await ask(url, {
        ...{ method: 'GET', headers, bytesMax: JWKS_BYTES_MAX, signal },
      })
      if (answered.kind === 'silent') throw new TypeError(answered.why)
      const { status } = answered
      return status === 200 ? new Response(new Uint8Array(answered.body)) : Response.error()
    },
  })
  return { issuer, audience, keys: () => keys }
}

function keysIn(path: string, issuer: string, log: Log): ReturnType<typeof publicKeySet> {
  try {
    return publicKeySet(path, `signals by ${issuer}`, log)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = `signals.transmitters: ${path} is no JWK Set of public keys: ${why}`
    throw new LimenError('signals-jwks-bad', text, { side: 'operator', retry: false, cause: error })
  }
}

/** SSF 1.0, section 7.1. */
function publishedBy(issuer: string | undefined, teller: SignalTeller) {
  if (issuer === undefined || teller.jwks === undefined) return undefined
  const metadata = {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${issuer}${KEYS_PATH}`,
    delivery_methods_supported: ['urn:ietf:rfc:8935'],
    default_subjects: 'ALL',
  }
  return { metadata, keys: teller.jwks }
}

function certificateOf(certificate: Config['signals']['certificate']) {
  if (certificate === undefined) return undefined
  const read = readCertificatePair(certificate.certFile, certificate.keyFile)
  if (read.kind === 'read') return read.pair
  // It was good when the configuration was looked at.
  throw new TypeError(`signals.certificate.${read.file} ${read.text}`)
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function listening(server: Server, { host, port }: ReturnType<typeof addressOf>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}
