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
import type { KeyServerPlace } from '../config/key-server-settings.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { type ClusterPeer, clusterPeer } from './client.ts'
import { type EdgeCredentials, KEY_SERVER_NAME } from './credentials.ts'
import { FEED_LINE_CHARS_MAX, type FeedLine, readFeedLine } from './feed-lines.ts'
import { type FetchKeys, keyFetcher } from './fetch-keys.ts'
import { type HeldKeys, heldKeys } from './held-keys.ts'

export interface EdgeAgent {
  /** Where clients' requests for keys go. */
  readonly place: KeyServerPlace
  /** Resolves when the first keys are here, or after `withinMs`: false. */
  ready(withinMs: number): Promise<boolean>
  close(): void
}

export interface EdgeAgentOptions {
  readonly server: NonNullable<Config['sessions']['server']>
  readonly sessions: Pick<Config['sessions'], 'onFeedSilent' | 'onReplayError' | 'ticketS'>
  readonly credentials: EdgeCredentials
  readonly plane: DataPlane
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A checkpoint comes every 5 s: two of them are missing. */
const SILENT_MS = 12_000
const BACKOFF_MS_MIN = 250
const BACKOFF_MS_MAX = 5_000
const LOOK_MS = 1_000
const RUN_BYTES = 12
const SUPERSEDED_MAX = 100_000
const SLACK_S = 60

export function edgeAgent(options: EdgeAgentOptions): EdgeAgent {
  return new Agent(options)
}

class Agent implements EdgeAgent {
  readonly place: KeyServerPlace
  readonly #options: EdgeAgentOptions
  readonly #peer: ClusterPeer
  readonly #run: string
  readonly #fetch: FetchKeys
  readonly #held: HeldKeys
  /** As the workers are told, in numbers of our own: those of the key server may begin anew. */
  readonly #log: FeedLog
  /** The key server's number of the last entry; 0: none. */
  #last = 0
  #heardAt = 0
  #failures = 0
  #rest = ''
  #stop: (() => void) | undefined
  #retry: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout
  #isClosed = false
  #isListening = false
  #isFetching = false
  #isStale = false
  readonly #waiting = new Set<() => void>()
  #hasKeys = false

  constructor(options: EdgeAgentOptions) {
    this.#options = options
    const { server, sessions, credentials, plane, clock, random } = options
    this.place = { ...addressOf(server.http), token: credentials.token }
    this.#peer = clusterPeer(addressOf(server.address), KEY_SERVER_NAME, credentials)
    this.#run = Buffer.from(random.bytes(RUN_BYTES)).toString('base64url')
    this.#fetch = keyFetcher({ peer: this.#peer, credentials, clock, random })
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
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
    this.close = () => {
      this.#isClosed = true
      stopHearing()
      clearInterval(this.#timer)
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
    this.#heardAt = this.#options.clock.now()
    const path = `/v1/feed?since=${this.#last}&run=${this.#run}`
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
      if (line === undefined || !this.#take(line, entries)) {
        // Something is missing or not understood: everything is asked for anew.
        this.#last = 0
        this.#stop?.()
        return
      }
    }
    if (this.#rest.length > FEED_LINE_CHARS_MAX) this.#stop?.()
    if (entries.length > 0) this.#options.plane.feedSessions(entries, () => this.#log.since(0))
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
      return true
    }
    const { seq, from = seq, ...entry } = line
    if (this.#last !== 0 && (from > this.#last + 1 || seq <= this.#last)) return false
    this.#last = seq
    const now = this.#now()
    entries.push(this.#log.add(entry as FeedEntry, now))
    if (entry.kind === 'checkpoint') this.#log.forget(now)
    return true
  }

  async #fetchKeys(): Promise<void> {
    const { plane, sessions, log } = this.#options
    if (this.#isFetching) {
      // What is under way may be of before.
      this.#isStale = true
      return
    }
    this.#isFetching = true
    try {
      do {
        this.#isStale = false
        const given = await this.#fetch()
        if (this.#isClosed) return
        const { onFeedSilent, onReplayError } = sessions
        this.#held.expect(given.keys.map(({ stekId }) => stekId))
        plane.giveSessionKeys({ ...given, onFeedSilent, onReplayError })
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
