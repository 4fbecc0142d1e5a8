/**
 * The state of a key server and what changes it: identity and keys, the epochs of those who hold them, the feed of
 * revocations, what an operator asks. Sockets and timers are `key-server.ts`.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { Log } from '../../../adapters/node/json-log.ts'
import { opensslKeyAgreement } from '../../../adapters/node/key-agreement.ts'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import type { SessionOffice } from '../../../flows/open-session.ts'
import { SessionGenerations } from '../../../flows/session-generations.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { hostTakes, keyGroupOf } from '../../../keys/session/key-group.ts'
import {
  ROTATION_DEFAULTS,
  RotationGate,
  type RotationPolicy,
} from '../../../keys/session/rotation-policy.ts'
import { freshOutlook, type LoadOutlook, type LoadSource } from '../../../ports/load-outlook.ts'
import type { Suite } from '../../../wire/key-message.ts'
import { TICKET_FLAG } from '../../../wire/session-ticket.ts'
import type { Config } from '../config/schema.ts'
import { STATE_FILES } from '../state-files.ts'
import type { KeyDesk } from './answer.ts'
import { readClientFiles } from './client-files.ts'
import { type EpochKeys, openEpochKeys } from './epoch-keys.ts'
import { FailedRotations } from './failed-rotations.ts'
import { type IdentityKeys, openIdentityKeys } from './identity-keys.ts'
import type { KeyHolders } from './key-holders.ts'
import { epochViews, type KeyServerFigures, type KeysView, pairView } from './key-views.ts'
import type { Login } from './login.ts'
import type { OpenedSession } from './opening.ts'
import { openingRate } from './opening-rate.ts'
import { openRevocationFeed, type RevocationFeed } from './revocation-feed.ts'
import { sealedFile } from './sealed-file.ts'
import { type SessionTable, type SessionView, sessionTable } from './session-table.ts'
import { SUITES } from './suites.ts'

export interface KeyRoomOptions {
  readonly config: Config
  /** Seals what is kept. */
  readonly recordKey: KeyObject
  readonly holders: readonly KeyHolders[]
  readonly login: Login | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How busy this machine is; absent: nobody looks. */
  readonly load?: LoadSource
  /** Names that certificates are for; none: every host is ours. */
  readonly hosts: () => readonly string[]
}

const POLICY_ID = 1
const ALL_GENERATIONS = 0xffffffff
/** Clocks of edges differ. */
const UNTIL_SLACK_S = 60
/** LSK/1, section 1.8: requests under way may still arrive under the old key; of a suspect, hardly. */
const GRACE_S = 30
const SUSPECT_GRACE_S = 5

const SUITE_NAMES = new Map<number, SessionView['suite']>(
  Object.entries(SUITES).map(([name, suite]) => [suite, name as SessionView['suite']]),
)

export class KeyRoom {
  readonly desk: KeyDesk
  readonly table: SessionTable
  readonly feed: RevocationFeed
  readonly identity: IdentityKeys
  readonly #options: KeyRoomOptions
  readonly #epochs: EpochKeys
  readonly #rotation: RotationPolicy
  readonly #handshakes = new Map<string, number>()
  readonly #rotations = { opened: 0, time: 0, security: 0, client: 0 }
  readonly #intervals = { policy: 0, tier: 0, load: 0, bounds: 0, ticket: 0 }
  readonly #revoked = { session: 0, subject: 0, group: 0 }
  #isFailing = false
  #isUnkept = false

  /** @throws LimenError `session-keys-bad` */
  constructor(options: KeyRoomOptions) {
    this.#options = options
    const { config, recordKey, random, clock } = options
    const { sessions, data } = config
    const seal = aesRecordSeal(recordKey, 'session-keys', random)
    const suites = sessions.suites.map((name) => SUITES[name])
    const { byLoad: _, ...rotation } = sessions.rotation
    this.#rotation = { ...ROTATION_DEFAULTS, ...rotation }
    this.identity = openIdentityKeys({
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
        onEntry: (entry) => {
          for (const one of options.holders) one.feed(entry, (seq) => this.feed.since(seq))
        },
        onUnkept: (error) => {
          if (!this.#isUnkept) options.log.error({ err: error }, 'Cannot keep superseded keys')
          this.#isUnkept = true
        },
      },
      this.#now(),
    )
    this.table = sessionTable(sessions.keepMax)
    const rate = openingRate(sessions.openPerSecondMax)
    const offices = this.#offices(suites)
    const rules = this.#groupRules()
    const rotations = new Map(
      sessions.groups.map((group) => [group.id, { ...this.#rotation, ...group.rotation }]),
    )
    const hosts = () => (sessions.hosts.length > 0 ? sessions.hosts : options.hosts())
    this.desk = {
      config: () => this.identity.config(),
      jwks: () => this.identity.jwks(),
      clientFiles: readClientFiles(this.identity.publicKey),
      office: (host) => {
        const group = keyGroupOf(rules, host) ?? 0
        return this.#epochs.activeEpoch(group) === undefined ? undefined : offices.get(group)
      },
      steks: this.#epochs.steks,
      revocations: this.feed.revocations,
      rotation: (group) => rotations.get(group) ?? this.#rotation,
      gate: new RotationGate(this.#rotation.perSecondMax),
      failures: new FailedRotations(),
      offers: (keyId, suite) => this.identity.offers(keyId, suite),
      load: () => this.#load()?.ahead,
      ticketS: sessions.ticketS,
      bearer: sessions.bearer,
      login: options.login,
      isOurHost: (host) => {
        const names = hosts()
        return names.length === 0 || names.some((name) => hostTakes(name, host))
      },
      admit: (address) => rate.admit(address, clock.now()),
      onOpened: (opened) => this.#opened(opened),
    }
  }

  /** Keys that need nobody's word: the first worker begins with them. */
  begin(): void {
    this.identity.roll(this.#now())
    this.#epochs.tick(() => new Set(), this.#now())
    this.#give()
    for (const entry of this.feed.since(0)) {
      for (const one of this.#options.holders) one.feed(entry, (seq) => this.feed.since(seq))
    }
  }

  /** The load of this machine is another than it was. */
  loadChanged(): void {
    this.#give()
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
    const { holders, log } = this.#options
    const isRolled = this.identity.roll(this.#now())
    if (isRolled) log.info({}, 'New keys for opening sessions')
    const { isNews, activated, excluded } = this.#epochs.tick(
      (group) => this.#living(group),
      this.#now(),
    )
    for (const epoch of activated) log.info(epoch, 'Tickets are sealed under a new key')
    for (const one of holders) {
      const living = one.living()
      for (const { group, holder } of excluded.filter(({ holder }) => living.includes(holder))) {
        log.error({ [one.kind]: holder, group }, 'Did not take a key in time: goes on without it')
        one.exclude(holder, group)
      }
    }
    if (isNews || isRolled) this.#give()
  }

  held(holder: string, stekIds: readonly number[]): void {
    this.#epochs.held(holder, stekIds)
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
      this.identity.roll(this.#now(), true)
      this.#give()
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
      // Also when the new keys cannot be kept: the old ones are gone from the holders at once.
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
    const holdersOf = (group: number) =>
      new Map(
        this.#options.holders.flatMap((one) => one.living(group).map((name) => [name, one.kind])),
      )
    const hosts = new Map(this.#options.config.sessions.groups.map((one) => [one.id, one.hosts]))
    return {
      identity: Buffer.from(this.identity.publicKey).toString('base64'),
      keys: this.identity.pairs().map(pairView),
      groups: this.#epochs.groups().map((group) => ({
        group: group.group,
        hosts: hosts.get(group.group) ?? [],
        epochs: epochViews(group, holdersOf(group.group)),
      })),
    }
  }

  figures(): Omit<KeyServerFigures, 'edges' | 'placed'> {
    return {
      sessions: this.table.living(this.#options.clock.now()),
      handshakes: [...this.#handshakes].map(([key, count]) => {
        const [kind, result] = key.split(' ') as ['open' | 'rotate', string]
        return { kind, result, count }
      }),
      rotations: this.#rotations,
      intervals: this.#intervals,
      revocations: this.#revoked,
      feed: this.feed.size,
      epochs: this.#epochs.groups().flatMap(({ group }) => {
        const epoch = this.#epochs.activeEpoch(group)
        return epoch === undefined ? [] : [{ group, epoch }]
      }),
    }
  }

  #offices(
    suites: readonly Suite[],
  ): ReadonlyMap<number, SessionOffice & { readonly group: number }> {
    const { config, random, login } = this.#options
    const { ticketS, keepMax, bearer, groups } = config.sessions
    const sessions = new SessionGenerations(keepMax)
    const agreement = opensslKeyAgreement(() => this.identity.pairs())
    const flags = bearer ? TICKET_FLAG.bearer : 0
    const policy = { suites: new Set(suites), ticketS, policyId: POLICY_ID, flags }
    const officeOf = (group: number): SessionOffice & { readonly group: number } => ({
      ...{ group, agreement, random, sessions },
      policy: { ...policy, login: login !== undefined },
      seal: (contents) => this.#epochs.seal(group, contents),
      epoch: () => this.#epochs.activeEpoch(group) ?? 0,
      encodeUrl: (bytes) => Buffer.from(bytes).toString('base64url'),
      isFollowed: (session, generation) => this.feed.revocations.isFollowed(session, generation),
    })
    return new Map(groups.map(({ id }) => [id, officeOf(id)]))
  }

  #groupRules() {
    return this.#options.config.sessions.groups.map(({ id, hosts }) => ({ group: id, hosts }))
  }

  /** For as long as a ticket of now can be shown. */
  #lifeS(): number {
    return this.#options.config.sessions.ticketS + UNTIL_SLACK_S
  }

  #now(): number {
    return Math.floor(this.#options.clock.now() / 1000)
  }

  #living(group: number): ReadonlySet<string> {
    return new Set(this.#options.holders.flatMap((one) => one.living(group)))
  }

  #give(): void {
    const { onFeedSilent, onReplayError } = this.#options.config.sessions
    const groups = this.#groupRules()
    const assertion = this.identity.assertion()
    const rotation = this.#rotation
    const load = this.#load()
    const given = {
      ...{ onFeedSilent, onReplayError, groups, assertion, rotation },
      ...(load === undefined ? {} : { load }),
    }
    for (const one of this.#options.holders) one.give({ ...given, keys: this.#epochs.given() })
  }

  #load(): LoadOutlook | undefined {
    return freshOutlook(this.#options.load?.outlook(), this.#options.clock.now())
  }

  #opened({ previous, suite, subject, reasons, rotateAfter, ...opened }: OpenedSession): void {
    const { clock, config } = this.#options
    const { ticketS, strictSupersede } = config.sessions
    const rotatedAt = clock.now()
    const reason = reasonOf(opened.tier, previous, rotatedAt / 1000)
    this.#rotations[reason]++
    for (const one of reasons) {
      if (one !== 'policy' || reasons.length === 1) this.#intervals[one]++
    }
    this.table.note({
      ...{ ...opened, rotatedAt, reason, rotateAfter: rotateAfter * 1000 },
      ...(subject === undefined ? {} : { subject }),
      expires: rotatedAt + ticketS * 1000,
      suite: SUITE_NAMES.get(suite) ?? 'x25519',
    })
    if (previous === undefined || !strictSupersede) return
    const now = this.#now()
    const after = now + (reason === 'security' ? SUSPECT_GRACE_S : GRACE_S)
    const generation = opened.generation - 1
    const until = previous.expires + UNTIL_SLACK_S
    this.feed.supersede({ kind: 'supersede', session: opened.id, generation, after, until }, now)
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
