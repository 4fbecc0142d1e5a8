/**
 * The key server inside `limen up` (LSK/1): identity and keys, the epochs of the workers, the feed of revocations, and
 * what an operator asks of them. Runs in the supervisor; workers never see more than the keys that seal tickets.
 *
 * @module
 */
import { join } from 'node:path'
import type { Log } from '../../../adapters/node/json-log.ts'
import { opensslKeyAgreement } from '../../../adapters/node/key-agreement.ts'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import { SessionGenerations, type SessionOffice } from '../../../flows/open-session.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import type { KeyGroup } from '../../../keys/session/epochs.ts'
import type { NumberedEntry } from '../../../keys/session/revocations.ts'
import { ROTATION_DEFAULTS, type RotationPolicy } from '../../../keys/session/rotation-policy.ts'
import { type DataPlane, workerName } from '../../../ports/data-plane.ts'
import { KEM, type Kem } from '../../../wire/key-config.ts'
import { SUITE, type Suite } from '../../../wire/key-message.ts'
import type { KeyServerPlace } from '../config/key-server-settings.ts'
import type { Config } from '../config/schema.ts'
import { recordKey } from '../record-key.ts'
import { STATE_FILES } from '../state-files.ts'
import { answerKeyRequest, type KeyDesk, type OpenedSession } from './answer.ts'
import { type EpochKeys, openEpochKeys } from './epoch-keys.ts'
import { type IdentityKeys, openIdentityKeys } from './identity-keys.ts'
import { listenForKeys } from './listener.ts'
import { openingRate } from './opening-rate.ts'
import { openRevocationFeed, type RevocationFeed } from './revocation-feed.ts'
import { sealedFile } from './sealed-file.ts'
import { type SessionTable, type SessionView, sessionTable } from './session-table.ts'

export interface KeyServer {
  readonly place: KeyServerPlace
  view(): KeysView
  sessions(limit: number): readonly SessionView[]
  session(id: string): SessionView | undefined
  /** New keys: of tickets as soon as all workers hold them, of the configuration at once. False: no such group. */
  rotate(what: 'tickets' | 'identity', group?: number): boolean
  /** Ends all sessions of a group. False: no such group. */
  revokeGroup(group: number): boolean
  /** Ends a session in all its generations, also one that is not remembered here. */
  revokeSession(id: string): void
  /** Ends all sessions of somebody that were opened until now; how many of them were remembered here. */
  revokeSubject(subject: string): number
  feed(since: number): readonly NumberedEntry[]
  figures(): KeyServerFigures
  close(): Promise<void>
}

/** Times in milliseconds since 1970. */
export interface KeysView {
  /** What clients pin, base64. */
  readonly identity: string
  readonly keys: readonly {
    readonly id: number
    readonly kem: 'x25519' | 'p256' | 'x-wing'
    readonly notBefore: number
    readonly expires: number
  }[]
  readonly groups: readonly {
    readonly group: number
    readonly hosts: readonly string[]
    readonly epochs: readonly {
      readonly epoch: number
      readonly state: 'pending' | 'active' | 'accept'
      readonly madeAt: number
      /** 0 before it is. */
      readonly activeAt: number
      /** 0 while it is not superseded. */
      readonly acceptUntil: number
      /** Workers that hold it, of those that live. */
      readonly heldBy: number
      readonly workers: number
    }[]
  }[]
}

export interface KeyServerFigures {
  readonly sessions: number
  /** By what was asked for and what came of it. */
  readonly handshakes: readonly {
    readonly kind: 'open' | 'rotate'
    readonly result: string
    readonly count: number
  }[]
  readonly rotations: Readonly<Record<SessionView['reason'], number>>
  readonly revocations: Readonly<Record<'session' | 'subject' | 'group', number>>
  readonly feed: number
  readonly epochs: readonly { readonly group: number; readonly epoch: number }[]
}

export interface KeyServerOptions {
  readonly config: Config
  readonly plane: DataPlane
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Names that certificates are for; none: every host is ours. */
  readonly hosts: () => readonly string[]
}

/** Looked at this often: what is due is this late at most. */
const TICK_MS = 1000
/** LSK/1, section 1.10. */
const CHECKPOINT_MS = 5000
const TOKEN_BYTES = 32
const POLICY_ID = 1
const ALL_GENERATIONS = 0xffffffff
/** Clocks of edges differ. */
const UNTIL_SLACK_S = 60

const SUITES: Readonly<Record<Config['sessions']['suites'][number], Suite>> = {
  x25519: SUITE.x25519,
  p256: SUITE.p256,
  'x25519-mlkem768': SUITE.x25519MlKem768,
}
const SUITE_NAMES = new Map<number, SessionView['suite']>(
  Object.entries(SUITES).map(([name, suite]) => [suite, name as SessionView['suite']]),
)
const KEM_NAMES: Readonly<Record<Kem, KeysView['keys'][number]['kem']>> = {
  [KEM.x25519]: 'x25519',
  [KEM.p256]: 'p256',
  [KEM.xWing]: 'x-wing',
}

/** undefined when `sessions.enabled` is false. Resolves before any worker is needed. @throws LimenError `session-keys-bad` */
export async function openKeyServer(options: KeyServerOptions): Promise<KeyServer | undefined> {
  const { config, plane, clock, random, log } = options
  if (!config.sessions.enabled) return undefined
  const server = new KeyRoom(options)
  const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url')
  const listener = await listenForKeys(token, (request) => {
    try {
      const answer = answerKeyRequest(server.desk, request, clock.now())
      server.count(request.path.endsWith('/rotate') ? 'rotate' : 'open', answer.result)
      return answer
    } catch (error) {
      // A defect of ours must not end the control process, and says nothing to a client.
      log.error({ err: error }, 'The key server failed')
      return { status: 500, fields: { 'content-length': '0' }, body: new Uint8Array(0), result: '' }
    }
  })
  const stopListening = plane.onSessionKeysHeld((worker, ids) => server.held(worker, ids))
  server.begin()
  const timers = [
    setInterval(() => server.tickSafely(), TICK_MS),
    setInterval(() => server.checkpoint(), CHECKPOINT_MS),
  ]
  for (const timer of timers) timer.unref()
  return {
    place: listener.place,
    view: () => server.view(),
    sessions: (limit) => server.table.list(limit, clock.now()),
    session: (id) => server.table.get(id),
    rotate: (what, group) => server.rotate(what, group),
    revokeGroup: (group) => server.revokeGroup(group),
    revokeSession: (id) => server.revokeSession(id),
    revokeSubject: (subject) => server.revokeSubject(subject),
    feed: (since) => server.feed.since(since),
    figures: () => server.figures(),
    async close() {
      for (const timer of timers) clearInterval(timer)
      stopListening()
      await listener.close()
    },
  }
}

class KeyRoom {
  readonly desk: KeyDesk
  readonly table: SessionTable
  readonly feed: RevocationFeed
  readonly #options: KeyServerOptions
  readonly #identity: IdentityKeys
  readonly #epochs: EpochKeys
  readonly #rotation: RotationPolicy
  readonly #handshakes = new Map<string, number>()
  readonly #rotations = { opened: 0, time: 0, security: 0, client: 0 }
  readonly #revoked = { session: 0, subject: 0, group: 0 }
  #isFailing = false

  constructor(options: KeyServerOptions) {
    this.#options = options
    const { config, random, clock, plane } = options
    const { sessions, data } = config
    const seal = aesRecordSeal(recordKey(config, random), 'session-keys', random)
    const suites = sessions.suites.map((name) => SUITES[name])
    this.#rotation = { ...ROTATION_DEFAULTS, ...sessions.rotation }
    this.#identity = openIdentityKeys({
      file: sealedFile(data, STATE_FILES.sessionIdentity, seal),
      ...{ random, suites },
    })
    this.#epochs = openEpochKeys({
      file: sealedFile(data, STATE_FILES.sessionTickets, seal),
      random,
      groups: sessions.groups.map(({ id }) => id),
      epochS: sessions.epochS,
      ticketS: sessions.ticketS,
    })
    this.feed = openRevocationFeed(
      {
        path: join(data, STATE_FILES.sessionFeed),
        seal,
        keepS: sessions.ticketS + UNTIL_SLACK_S,
        onEntry: (entry) => plane.feedSessions([entry], () => this.feed.since(0)),
      },
      this.#now(),
    )
    this.table = sessionTable(sessions.keepMax)
    const rate = openingRate(sessions.openPerSecondMax)
    const generations = new SessionGenerations(sessions.keepMax)
    const agreement = opensslKeyAgreement(() => this.#identity.pairs())
    const officeOf = (group: number): SessionOffice & { readonly group: number } => ({
      ...{ group, agreement, random, sessions: generations },
      policy: { suites: new Set(suites), ticketS: sessions.ticketS, policyId: POLICY_ID, flags: 0 },
      seal: (contents) => this.#epochs.seal(group, contents),
      epoch: () => this.#epochs.activeEpoch(group) ?? 0,
      encodeUrl: (bytes) => Buffer.from(bytes).toString('base64url'),
    })
    const offices = new Map(sessions.groups.map(({ id }) => [id, officeOf(id)]))
    this.desk = {
      config: () => this.#identity.config(),
      office: (host) => {
        const group = groupOf(sessions.groups, host)
        return this.#epochs.activeEpoch(group) === undefined ? undefined : offices.get(group)
      },
      steks: this.#epochs.steks,
      revocations: this.feed.revocations,
      rotation: this.#rotation,
      ticketS: sessions.ticketS,
      isOurHost: (host) => {
        const names = options.hosts()
        return names.length === 0 || names.some((name) => takes(name, host))
      },
      admit: (address) => rate.admit(address, clock.now()),
      onOpened: (opened) => this.#opened(opened),
    }
  }

  /** Keys that need no worker's word: the first worker begins with them. */
  begin(): void {
    const { plane } = this.#options
    this.#identity.roll(this.#now())
    this.#epochs.tick(new Set(), this.#now())
    this.#give()
    const [first, ...more] = this.feed.since(0)
    if (first !== undefined) plane.feedSessions([first, ...more], () => this.feed.since(0))
  }

  /** A full disk must not end the control process: the keys there are serve on. */
  tickSafely(): void {
    try {
      this.tick()
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) this.#options.log.error({ err: error }, 'Cannot renew session keys')
      this.#isFailing = true
    }
  }

  tick(): void {
    const { plane, log } = this.#options
    if (this.#identity.roll(this.#now())) log.info({}, 'New keys for opening sessions')
    const { isNews, activated, excluded } = this.#epochs.tick(this.#workers(), this.#now())
    for (const epoch of activated) log.info(epoch, 'Tickets are sealed under a new key')
    for (const worker of excluded) {
      log.error({ worker }, 'A worker did not take a key in time: it is replaced')
      plane.replaceWorker(worker)
    }
    if (isNews) this.#give()
  }

  held(worker: string, stekIds: readonly number[]): void {
    this.#epochs.held(worker, stekIds)
    this.tickSafely()
  }

  checkpoint(): void {
    this.feed.checkpoint(this.#now())
  }

  count(kind: 'open' | 'rotate', result: string): void {
    if (result === '') return
    const key = `${kind} ${result}`
    this.#handshakes.set(key, (this.#handshakes.get(key) ?? 0) + 1)
  }

  rotate(what: 'tickets' | 'identity', group: number | undefined): boolean {
    if (what === 'identity') {
      this.#identity.roll(this.#now(), true)
      return true
    }
    const groups = this.#epochs.groups().map((one) => one.group)
    if (group !== undefined && !groups.includes(group)) return false
    for (const one of group === undefined ? groups : [group]) this.#epochs.rotate(one)
    this.tick()
    return true
  }

  revokeGroup(group: number): boolean {
    const known = this.#epochs.groups().find((one) => one.group === group)
    if (known === undefined) return false
    const now = this.#now()
    this.feed.append({ kind: 'revoke-group', group, epochMax: known.nextEpoch - 1 }, now)
    this.#revoked.group++
    this.table.markRevoked((session) => session.group === group)
    try {
      this.#epochs.revoke(group, now)
    } finally {
      // Also when the new keys cannot be kept: the old ones are gone from the workers at once.
      this.#give()
    }
    this.tick()
    return true
  }

  revokeSession(session: string): void {
    const now = this.#now()
    const until = now + this.#lifeS()
    this.feed.append({ kind: 'revoke', session, generation: ALL_GENERATIONS, until }, now)
    this.#revoked.session++
    this.table.markRevoked(({ id }) => id === session)
  }

  revokeSubject(subject: string): number {
    const now = this.#now()
    const until = now + this.#lifeS()
    // Tickets are good from a little before they are made: those of this second are meant too.
    this.feed.append({ kind: 'revoke-subject', subject, openedBefore: now + 1, until }, now)
    this.#revoked.subject++
    return this.table.markRevoked((session) => session.subject === subject)
  }

  view(): KeysView {
    const workers = this.#workers()
    const hosts = new Map(this.#options.config.sessions.groups.map((one) => [one.id, one.hosts]))
    return {
      identity: Buffer.from(this.#identity.publicKey).toString('base64'),
      keys: this.#identity.pairs().map(({ keyId, pair, notBefore, expires }) => ({
        id: keyId,
        kem: KEM_NAMES[pair.kem],
        notBefore: notBefore * 1000,
        expires: expires * 1000,
      })),
      groups: this.#epochs.groups().map((group) => ({
        group: group.group,
        hosts: hosts.get(group.group) ?? [],
        epochs: epochViews(group, workers),
      })),
    }
  }

  figures(): KeyServerFigures {
    return {
      sessions: this.table.living(this.#options.clock.now()),
      handshakes: [...this.#handshakes].map(([key, count]) => {
        const [kind, result] = key.split(' ') as ['open' | 'rotate', string]
        return { kind, result, count }
      }),
      rotations: this.#rotations,
      revocations: this.#revoked,
      feed: this.feed.size,
      epochs: this.#epochs.groups().flatMap(({ group }) => {
        const epoch = this.#epochs.activeEpoch(group)
        return epoch === undefined ? [] : [{ group, epoch }]
      }),
    }
  }

  /** For as long as a ticket of now can be shown. */
  #lifeS(): number {
    return this.#options.config.sessions.ticketS + UNTIL_SLACK_S
  }

  #now(): number {
    return Math.floor(this.#options.clock.now() / 1000)
  }

  #workers(): ReadonlySet<string> {
    const living = this.#options.plane.workers().filter(({ state }) => state !== 'dead')
    return new Set(living.map(workerName))
  }

  #give(): void {
    this.#options.plane.giveSessionKeys({
      keys: this.#epochs.given(),
      onFeedSilent: this.#options.config.sessions.onFeedSilent,
      rotation: this.#rotation,
    })
  }

  #opened({ previous, suite, ...opened }: OpenedSession): void {
    const rotatedAt = this.#options.clock.now()
    const reason = reasonOf(opened.tier, previous, rotatedAt / 1000)
    this.#rotations[reason]++
    this.table.note({
      ...{ ...opened, rotatedAt, reason },
      expires: rotatedAt + this.#options.config.sessions.ticketS * 1000,
      suite: SUITE_NAMES.get(suite) ?? 'x25519',
    })
  }
}

function reasonOf(
  tier: number,
  previous: OpenedSession['previous'],
  now: number,
): SessionView['reason'] {
  if (previous === undefined) return 'opened'
  if (tier > previous.tier) return 'security'
  return now >= previous.rotateAfter ? 'time' : 'client'
}

function epochViews(
  { epochs }: KeyGroup,
  workers: ReadonlySet<string>,
): KeysView['groups'][number]['epochs'] {
  return epochs.map(({ epoch, state, madeAt, activeAt, acceptUntil, acknowledged }) => ({
    ...{ epoch, state },
    madeAt: madeAt * 1000,
    activeAt: activeAt * 1000,
    acceptUntil: Number.isFinite(acceptUntil) ? acceptUntil * 1000 : 0,
    heldBy: [...workers].filter((worker) => acknowledged.has(worker)).length,
    workers: workers.size,
  }))
}

function groupOf(groups: Config['sessions']['groups'], host: string): number {
  const found =
    groups.find(({ hosts }) => hosts.some((name) => takes(name, host))) ??
    groups.find(({ hosts }) => hosts.length === 0)
  return found?.id ?? 0
}

/** `*.example.org` takes one label, as in certificates (RFC 6125 section 6.4.3). */
function takes(pattern: string, host: string): boolean {
  const name = pattern.toLowerCase()
  return name === host || (name.startsWith('*.') && host.slice(host.indexOf('.')) === name.slice(1))
}
