/**
 * An edge of a key server elsewhere: listens to its feed, fetches keys sealed to this process, hands both to the workers, and
 * says which keys all of them hold. While the key server is away the workers go on with what they have, and by the
 * policy for a silent feed.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { FeedLog } from '../../../keys/session/feed-log.ts'
import type { FeedEntry, NumberedEntry } from '../../../keys/session/revocations.ts'
import { type DataPlane, workerName } from '../../../ports/data-plane.ts'
import { freshOutlook, type LoadSource } from '../../../ports/load-outlook.ts'
import type { KeyServerPlace } from '../config/key-server-settings.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { type ClusterPeer, clusterPeer } from './client.ts'
import { type EdgeCredentials, KEY_SERVER_NAMES } from './credentials.ts'
import { FeedChain } from './feed-chain.ts'
import { FEED_LINE_CHARS_MAX, type FeedLine, readFeedLine } from './feed-lines.ts'
import { type FetchKeys, keyFetcher, type SessionKeysFetched } from './fetch-keys.ts'
import { type HeldKeys, heldKeys } from './held-keys.ts'
import { tellSuspicions } from './session-suspicions.ts'
import { type TellFirstRequests, tellFirstRequests } from './tell-first-requests.ts'

export interface EdgeAgent {
  /** Where clients' requests for keys go. */
  readonly place: KeyServerPlace
  /** Resolves when the first keys are here, or after `withinMs`: false. */
  ready(withinMs: number): Promise<boolean>
  /** Goes on under another certificate of the same edge. */
  renew(credentials: EdgeCredentials): void
  /** The key server, under the certificate in force. */
  readonly peer: Pick<ClusterPeer, 'ask'>
  /** Tickets under keys that were not held, by what came of asking for the key. */
  misses(): KeyMisses
  /** Tells the key server that sessions are about to go elsewhere; it may place their keys there. */
  announceDrain(): void
  close(): void
}

export interface KeyMisses extends Readonly<Record<string, number>> {
  /** The key server gave it. */
  readonly fetched: number
  /** There is no such key for this edge. */
  readonly unknown: number
  /** Nobody could say. */
  readonly failed: number
}

export interface EdgeAgentOptions {
  readonly server: NonNullable<Config['sessions']['server']>
  readonly sessions: Pick<
    Config['sessions'],
    'onFeedSilent' | 'onReplayError' | 'ticketS' | 'serves'
  >
  readonly credentials: EdgeCredentials
  readonly plane: DataPlane
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How busy this machine is; absent: nobody looks. */
  readonly load?: LoadSource
}

/** A checkpoint comes every 5 s: two of them are missing. */
const SILENT_MS = 12_000
const BACKOFF_MS_MIN = 250
const BACKOFF_MS_MAX = 5_000
const LOOK_MS = 1_000
const RUN_BYTES = 12
const SUPERSEDED_MAX = 100_000
const SLACK_S = 60
/** A key that there is not is not asked for again for so long. */
const UNKNOWN_MS = 60_000
/** Of those, and of keys that were fetched one by one since all were. */
const MISSED_MAX = 256
/** Asked for at once; more are met again. */
const FETCHING_MAX = 4
/** For one key, when others were given meanwhile or the key server could not say. */
const MISSED_TRIES = 3
const MISSED_AGAIN_MS = 200

export function edgeAgent(options: EdgeAgentOptions): EdgeAgent {
  return new Agent(options)
}

class Agent implements EdgeAgent {
  readonly place: KeyServerPlace
  readonly peer: EdgeAgent['peer']
  readonly #options: EdgeAgentOptions
  #peer: ClusterPeer
  #isRenewed = false
  readonly #run: string
  readonly #fetch: FetchKeys
  readonly #held: HeldKeys
  readonly #firstRequests: TellFirstRequests
  /** As the workers are told, in numbers of our own: those of the key server may begin anew. */
  readonly #log: FeedLog
  /** The key server's number of the last entry; 0: none. */
  #last = 0
  #heardAt = 0
  #failures = 0
  #rest = ''
  #chain: FeedChain
  #stop: (() => void) | undefined
  #retry: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout
  #isClosed = false
  #isListening = false
  #isFetching = false
  #isStale = false
  readonly #waiting = new Set<() => void>()
  #hasKeys = false
  readonly #misses = { fetched: 0, unknown: 0, failed: 0 }
  readonly #fetching = new Set<number>()
  /** Keys that there are not, and until when that is believed. */
  readonly #unknown = new Map<number, number>()
  /** Fetched since all were: gone with the next time all are, and fetched again as soon as they are met. */
  #missed: SessionKeysFetched['keys'] = []
  /** What was fetched last. */
  #given: SessionKeysFetched | undefined

  constructor(options: EdgeAgentOptions) {
    this.#options = options
    const { server, sessions, credentials, plane, clock, random } = options
    this.place = { ...addressOf(server.http), token: credentials.token }
    this.#peer = keyServerPeer(server, credentials)
    this.#run = Buffer.from(random.bytes(RUN_BYTES)).toString('base64url')
    this.#chain = this.#newChain()
    // Another when the certificate is renewed.
    const peer: EdgeAgent['peer'] = {
      ask: (question, timeoutMs) => this.#peer.ask(question, timeoutMs),
    }
    this.peer = peer
    this.#fetch = keyFetcher({ peer, credentials, clock, random })
    this.#firstRequests = tellFirstRequests({
      ...{ peer, plane, log: options.log, edge: credentials.id, run: this.#run },
      isListening: () => this.#isListening,
    })
    const keepS = sessions.ticketS + SLACK_S
    this.#log = new FeedLog({ begin: this.#now(), keepS, supersededMax: SUPERSEDED_MAX })
    this.#held = heldKeys({
      clock,
      workers: () =>
        plane.workers().flatMap((one) => (one.state === 'dead' ? [] : [workerName(one)])),
      replace: (worker) => {
        options.log.error({ worker }, 'A worker did not take a key in time: it is replaced')
        plane.replaceWorker(worker)
      },
      tell: (stekIds) => this.#tellHeld(stekIds),
    })
    const stopHearing = plane.onSessionKeysHeld((worker, ids) => this.#held.hear(worker, ids))
    const stopMissing = plane.onSessionKeyMissed((stekId) => void this.#fetchMissed(stekId))
    const stopTelling = tellSuspicions({
      ...{ peer, plane, log: options.log, edge: credentials.id, run: this.#run },
      isListening: () => this.#isListening,
    })
    const stopLoad = options.load?.onChange(() => this.#give()) ?? (() => {})
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
    this.close = () => {
      this.#isClosed = true
      stopHearing()
      stopMissing()
      stopTelling()
      stopLoad()
      clearInterval(this.#timer)
      this.#firstRequests.close()
      clearTimeout(this.#retry)
      this.#stop?.()
      this.#peer.close()
    }
    this.#connect()
  }

  close: () => void

  async ready(withinMs: number): Promise<boolean> {
    if (this.#hasKeys) return true
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve)
      timer = setTimeout(resolve, withinMs)
    })
    clearTimeout(timer)
    return this.#hasKeys
  }

  #connect(): void {
    this.#isListening = true
    this.#rest = ''
    this.#chain = this.#newChain()
    this.#heardAt = this.#options.clock.now()
    const { serves } = this.#options.sessions
    const only = serves === undefined ? '' : `&serves=${serves.join(',')}`
    const held = this.#placed()
    const more = held.length === 0 ? '' : `&placed=${held.join(',')}`
    const path = `/v1/feed?since=${this.#last}&run=${this.#run}${only}${more}`
    this.#stop = this.#peer.listen(
      path,
      (text) => this.#hear(text),
      (why) => this.#lost(why),
    )
  }

  #lost(why: string): void {
    this.#isListening = false
    if (this.#isClosed) return
    const { log, random } = this.#options
    if (this.#isRenewed) {
      this.#isRenewed = false
      this.#connect()
      return
    }
    if (this.#failures === 0) log.warn({ why }, 'The key server is away: keys stay as they are')
    const most = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures++)
    // All edges lose it at once, and must not all come back at once.
    this.#retry = setTimeout(() => this.#connect(), most * (0.5 + random.fraction() / 2))
    this.#retry.unref()
  }

  #look(): void {
    const silent = this.#options.clock.now() - this.#heardAt
    if (silent > SILENT_MS && this.#isListening) this.#stop?.()
    this.#held.look()
  }

  #hear(text: string): void {
    this.#heardAt = this.#options.clock.now()
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    const entries: NumberedEntry[] = []
    for (const each of lines) {
      const line = readFeedLine(each)
      if (line === undefined || !this.#isSound(line) || !this.#take(line, entries)) {
        // Something is missing, not understood, or not the key server's: everything is asked for anew.
        this.#last = 0
        this.#stop?.()
        return
      }
      this.#chain.add(each)
    }
    if (this.#rest.length > FEED_LINE_CHARS_MAX) this.#stop?.()
    if (entries.length > 0) this.#options.plane.feedSessions(entries, () => this.#log.since(0))
  }

  #newChain(): FeedChain {
    return new FeedChain({ edge: this.#options.credentials.id, run: this.#run })
  }

  #isSound(line: FeedLine): boolean {
    const { credentials, log } = this.#options
    if (line.kind !== 'checkpoint' || this.#chain.isGood(line, credentials.identity)) return true
    log.error({ seq: line.seq }, 'A checkpoint of the feed is not of what was heard')
    return false
  }

  /** False: an entry is missing before this one. */
  #take(line: FeedLine, entries: NumberedEntry[]): boolean {
    if (line.kind === 'keys') {
      void this.#fetchKeys()
      return true
    }
    if (line.kind === 'begin') {
      if (line.anew) {
        this.#log.clear()
        this.#last = 0
      }
      // Where counting begins.
      this.#firstRequests.tell()
      return true
    }
    if (line.kind === 'suspect') {
      const { session, generation, tier } = line
      this.#options.plane.suspect([{ session, generation, tier }])
      return true
    }
    const { seq, from = seq, ...said } = line
    const entry = said.kind === 'checkpoint' ? ({ kind: 'checkpoint' } as const) : said
    if (this.#last !== 0 && (from > this.#last + 1 || seq <= this.#last)) return false
    this.#last = seq
    const now = this.#now()
    entries.push(this.#log.add(entry as FeedEntry, now))
    if (entry.kind === 'checkpoint') this.#log.forget(now)
    return true
  }

  async #fetchKeys(): Promise<void> {
    const { log } = this.#options
    if (this.#isFetching) {
      // What is under way may be of before.
      this.#isStale = true
      return
    }
    this.#isFetching = true
    try {
      do {
        this.#isStale = false
        const given = await this.#fetch.all()
        if (this.#isClosed) return
        this.#missed = []
        this.#held.expect(given.keys.map(({ stekId }) => stekId))
        this.#given = given
        this.#give()
        // Only now: one whose keys are refused must not be asked again and again without a pause.
        if (this.#failures > 0) log.info({}, 'The key server is here again')
        this.#failures = 0
        this.#hasKeys = true
        for (const go of this.#waiting) go()
      } while (this.#isStale)
    } catch (error) {
      log.warn({ err: error }, 'Cannot fetch the keys of sessions')
      // Coming back begins with fetching them.
      this.#stop?.()
    } finally {
      this.#isFetching = false
    }
  }

  async #fetchMissed(stekId: number): Promise<void> {
    const isUnknown = (this.#unknown.get(stekId) ?? 0) > this.#options.clock.now()
    if (this.#isHeld(stekId) || isUnknown || this.#fetching.has(stekId)) return
    if (this.#given === undefined || this.#fetching.size >= FETCHING_MAX) return
    this.#fetching.add(stekId)
    // Workers do not ask again for seconds, and sessions wait.
    for (let tries = MISSED_TRIES; tries > 0 && !(await this.#tryMissed(stekId)); tries--) {
      await new Promise((resolve) => setTimeout(resolve, MISSED_AGAIN_MS))
    }
    this.#fetching.delete(stekId)
  }

  /** True: there is nothing more to be done about it. */
  async #tryMissed(stekId: number): Promise<boolean> {
    const { clock, log } = this.#options
    const before = this.#given
    try {
      const found = await this.#fetch.missed(stekId)
      if (this.#isClosed) return true
      if (found === undefined) {
        this.#misses.unknown++
        this.#unknown.delete(stekId)
        this.#unknown.set(stekId, clock.now() + UNKNOWN_MS)
        if (this.#unknown.size > MISSED_MAX) {
          this.#unknown.delete(this.#unknown.keys().next().value ?? 0)
        }
        return true
      }
      // What was given meanwhile may be without it for a reason: its group was revoked. Asked again, the key server says.
      if (this.#given !== before) return this.#isHeld(stekId)
      this.#misses.fetched++
      this.#missed = [...this.#missed, found].slice(-MISSED_MAX)
      this.#give()
      return true
    } catch (error) {
      if (this.#isClosed) return true
      this.#misses.failed++
      log.warn({ err: error, group: stekId >>> 24 }, 'Cannot fetch a key that was missed')
      return false
    }
  }

  #isHeld(stekId: number): boolean {
    const held = [...(this.#given?.keys ?? []), ...this.#missed]
    return held.some((one) => one.stekId === stekId)
  }

  renew(credentials: EdgeCredentials): void {
    const before = this.#peer
    const { server } = this.#options
    this.#peer = keyServerPeer(server, credentials)
    this.#isRenewed = this.#isListening
    this.#stop?.()
    before.retire()
  }

  misses(): KeyMisses {
    return { ...this.#misses }
  }

  announceDrain(): void {
    this.#firstRequests.tellDrain()
  }

  /** Groups that the key server gave keys of besides those that are served. */
  #placed(): readonly number[] {
    const { serves } = this.#options.sessions
    if (serves === undefined) return []
    const groups = new Set((this.#given?.keys ?? []).map(({ stekId }) => stekId >>> 24))
    return [...groups].filter((group) => !serves.includes(group))
  }

  #give(): void {
    if (this.#given === undefined) return
    const { plane, sessions, clock } = this.#options
    const { onFeedSilent, onReplayError } = sessions
    const load = freshOutlook(this.#options.load?.outlook(), clock.now())
    const { keys, assertion, ...rest } = this.#given
    // The bytes stay ours, whoever zeroes what it was given.
    const copied = {
      keys: [...keys, ...this.#missed].map(({ stekId, key }) => ({
        stekId,
        key: new Uint8Array(key),
      })),
      ...(assertion && {
        assertion: { ...assertion, privateKey: new Uint8Array(assertion.privateKey) },
      }),
    }
    const policies = { onFeedSilent, onReplayError, ...(load && { load }) }
    plane.giveSessionKeys({ ...rest, ...copied, ...policies })
  }

  #tellHeld(stekIds: readonly number[]): Promise<boolean> {
    const path = `/v1/edges/${this.#options.credentials.id}/held`
    const body = { run: this.#run, stekIds }
    return this.#peer.ask({ method: 'POST', path, body }, BACKOFF_MS_MAX).then(
      ({ status }) => status === 200,
      () => false,
    )
  }

  #now(): number {
    return Math.floor(this.#options.clock.now() / 1000)
  }
}

function keyServerPeer({ address }: EdgeAgentOptions['server'], by: EdgeCredentials): ClusterPeer {
  return clusterPeer(addressOf(address), KEY_SERVER_NAMES[by.by], by)
}
