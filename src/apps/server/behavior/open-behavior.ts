/**
 * Opens all that watches people: storage, what was learned, where batches are taken in. Nothing of it where `behavior.mode` is off.
 *
 * @module
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { BehaviorCookies } from '../../../adapters/edge/behavior-cookie.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import type { SecretFiles } from '../../../adapters/node/secret-files.ts'
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Tier } from '../../../behavior/tier.ts'
import { PeopleWatch } from '../../../flows/watch-people.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { ulids } from '../../../ground/ulid.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { BehaviorPlace } from '../config/behavior-settings.ts'
import type { Config } from '../config/schema.ts'
import type { DecisionFeed } from '../decision-feed.ts'
import { STATE_FILES } from '../state-files.ts'
import type { CaptureFeed, CaptureFigures } from './capture-feed.ts'
import { BehaviorDesk, type OwnStanding } from './desk.ts'
import { openTierFile } from './kept-tiers.ts'
import { listenForBehavior } from './listener.ts'
import { openCaptures } from './open-captures.ts'
import { PeopleFeed } from './people-feed.ts'
import { openPersonStorage, type PersonStorage, personIdKey } from './person-storage.ts'
import { behaviorScript, isBehaviorScriptBuilt } from './script.ts'
import { shownSession } from './shown-session.ts'
import {
  type BehaviorTuning,
  configuredTuning,
  peopleSettings,
  readState,
  type TuningInForce,
  writeState,
} from './tuning.ts'

/** As a reader of the decisions and the API sees it. */
const MODEL = 'person/1'
/** What was learned of thresholds is stored this often. */
const STATE_MS = 60_000
const EDGE_TOKEN_BYTES = 32
/** Turned away this long ago does not count any more. */
const REFUSED_MS = 60_000

export interface BehaviorOptions {
  readonly config: Config
  readonly plane: DataPlane
  readonly feed: Pick<DecisionFeed, 'add'>
  /** Seals what is kept of people. */
  readonly recordKey: KeyObject
  /** Where the key of people's ids is. */
  readonly secrets: SecretFiles
  readonly affinityKey: () => Uint8Array
  onTier?(change: TierChange): void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A session is in another tier than before. */
export interface TierChange {
  readonly session: string
  /** Id of the person, '' while nobody has said. */
  readonly person: string
  readonly tier: Tier
  readonly before: Tier
}

export interface Behavior {
  readonly place: BehaviorPlace
  readonly people: PeopleFeed
  readonly keptIn: PersonStorage['keptIn']
  /** undefined: no request is captured. */
  readonly captures: CaptureFeed | undefined
  tuning(): TuningInForce
  /**
   * In force, and would survive the machine, when it resolves; false when another has changed it: the version is another. Rejects when
   * it cannot be stored, and nothing has changed then.
   */
  tune(tuning: BehaviorTuning, version: number): Promise<boolean>
  /** Sessions by tier, now and by other settings. */
  trial(tuning: BehaviorTuning): { readonly now: number[]; readonly tried: number[] }
  health(): BehaviorHealth
  close(): Promise<void>
}

export interface BehaviorHealth {
  /** blind: nobody can be judged. */
  readonly status: 'ok' | 'blind'
  readonly reasons: readonly string[]
  readonly model: string
  /** Seconds since a batch was taken; -1 for never. */
  readonly modelAgeS: number
  /** Digits by which the threshold of tier 2 has moved. */
  readonly drift: number
  readonly queue: { readonly waiting: number; readonly max: number; readonly unsaved: number }
  readonly falsePositives: {
    readonly budget: number
    readonly sessions: number
    readonly flagged: number
    /** Flagged over what the budget allows; above 1 it is exceeded. */
    readonly used: number
  }
  readonly sessions: number
  readonly people: number
  readonly batches: number
  readonly windows: number
  /** Batches turned away in the last minute, by why. */
  readonly refused: Readonly<Record<string, number>>
  /** Ids of users that servers have said and that cannot be taken, since start, by why. */
  readonly usersRefused: Readonly<Record<string, number>>
  readonly captures?: CaptureFigures
}

export async function openBehavior(options: BehaviorOptions): Promise<Behavior | undefined> {
  const { config, clock, random, log } = options
  const configured = configuredTuning(config)
  if (configured === undefined) return undefined
  const storage = await openPersonStorage(config, options.recordKey, random, log)
  try {
    return await open(options, configured, storage)
  } catch (error) {
    await storage.people.close()
    throw error
  }

  async function open(
    { plane, feed, affinityKey }: BehaviorOptions,
    configured: BehaviorTuning,
    { people: store, keptIn }: PersonStorage,
  ): Promise<Behavior> {
    const text = await store.loadState().catch((error: unknown) => {
      log.error({ err: error }, 'Cannot read what was learned about behavior')
      return undefined
    })
    const state = text === undefined ? undefined : readState(text)
    const isSame = JSON.stringify(state?.configured) === JSON.stringify(configured)
    let inForce: TuningInForce =
      state !== undefined && isSame ? state.inForce : { tuning: configured, version: 0 }
    const { sessionS, everyMs, collect, onError, plainLoopback } = config.behavior
    const { batchesPerMinute: perMinute, suspicionS, compareWith } = config.behavior
    const settingsOf = (tuning: BehaviorTuning) => peopleSettings(tuning, sessionS)
    const watch = new PeopleWatch(
      settingsOf(inForce.tuning),
      () => random.fraction(),
      clock.now(),
      state?.calibration,
      state?.tuning,
    )
    const nextId = ulids(random)
    const mode = () => inForce.tuning.mode
    const people = new PeopleFeed({
      ...{ plane, watch, store, clock, log, mode, onError, compareWith },
      isShared: config.behavior.store === 'redis',
      suspicionMs: suspicionS * 1000,
      tierFile: openTierFile(
        join(config.data, STATE_FILES.personTiers),
        aesRecordSeal(options.recordKey, 'person-tiers', random),
        () => log.warn({}, 'The kept tiers cannot be opened (another record.key?): begun anew'),
      ),
      idKey: createSecretKey(personIdKey(config, options.secrets, random)),
      onTier: (session, person, standing, before) => {
        const { tier, score, reasons } = standing
        const id = nextId(clock.now())
        const shown = shownSession(session)
        if (person !== '') {
          const turn = { session: shown, decision: id, before }
          people.timeline.turn(person, turn, standing, clock.now())
        }
        feed.add({
          id,
          subject: `session ${shown}`,
          ...{ tier, score, reasons, model: MODEL, mode: mode(), at: clock.now(), listener: '' },
          ...{ enforced: mode() === 'enforce' ? tier : 1, pool: 'primary', member: '', person },
        })
        // Who only looks on tells nobody.
        if (mode() !== 'observe') options.onTier?.({ session, person, tier, before })
      },
    })
    const captures = await openCaptures({ ...options, people })
    const refused: { readonly at: number; readonly why: string }[] = []
    const desk = new BehaviorDesk({
      cookies: cookiesOf(affinityKey),
      ...{
        clock,
        random,
        collect: () => collect,
        everyMs: () => everyMs,
        plainLoopback,
        perMinute,
      },
      hasRoom: () => people.hasRoom(),
      take: (heard) => people.take(heard),
      standing: (session) => ownStanding(people.isKnown(session), people.standing(session)),
      onRefused: (why) => {
        refused.push({ at: clock.now(), why })
        if (refused.length > REFUSED_MAX) refused.shift()
      },
    })
    const token = Buffer.from(random.bytes(EDGE_TOKEN_BYTES)).toString('base64url')
    const script = behaviorScript()
    if (!isBehaviorScriptBuilt()) {
      log.warn({}, 'The collector for browsers is not built (npm run build): pages get 503 for it')
    }
    const listener = await listenForBehavior(
      token,
      (request) => script(request) ?? desk.answer(request),
    )
    const tuned = () => (watch.tuning === undefined ? {} : { tuning: watch.tuning })
    /** One after the other: what is stored last is what is in force. */
    let storing: Promise<unknown> = Promise.resolve()
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const next = storing.then(work)
      storing = next.catch(() => {})
      return next
    }
    const storeState = (next: TuningInForce) =>
      store.saveState(
        writeState({
          ...{ calibration: watch.calibration, inForce: next, configured },
          ...tuned(),
        }),
      )
    const saveState = () =>
      inTurn(() => storeState(inForce)).catch((error: unknown) =>
        log.error({ err: error }, 'Cannot store what was learned about behavior'),
      )
    const timer = setInterval(() => void saveState(), STATE_MS)
    timer.unref()
    return {
      ...{ place: listener.place, people, keptIn, captures },
      tuning: () => inForce,
      tune: (tuning, version) =>
        inTurn(async () => {
          if (version !== inForce.version) return false
          const next = { tuning, version: version + 1 }
          await storeState(next)
          inForce = next
          watch.settings = settingsOf(tuning)
          people.retell()
          return true
        }),
      trial: (tuning) => watch.countTiers(settingsOf(tuning)),
      health() {
        const {
          waiting,
          waitingMax: max,
          taken,
          isStored,
          unsaved,
          lastAt,
          usersRefused,
        } = people.figures()
        const figures = watch.figures()
        const { falsePositiveBudget: budget, tier2 } = inForce.tuning
        const { ended, flagged } = figures
        const reasons = [
          ...(isStored ? [] : ['the storage of people does not answer']),
          ...(people.hasRoom() ? [] : ['more is told than can be taken']),
        ]
        const now = clock.now()
        return {
          ...{ status: reasons.length === 0 ? 'ok' : 'blind', reasons, model: MODEL },
          modelAgeS: lastAt === 0 ? -1 : Math.round((now - lastAt) / 1000),
          drift: figures.tier2InForce - tier2,
          queue: { waiting, max, unsaved },
          falsePositives: {
            ...{ budget, sessions: ended, flagged },
            used: ended === 0 ? 0 : flagged / ended / budget,
          },
          ...{ sessions: figures.sessions, people: figures.people },
          ...{ batches: taken, windows: figures.windows, usersRefused },
          ...(captures === undefined ? {} : { captures: captures.figures() }),
          refused: countsOf(refused.flatMap(({ at, why }) => (now - at < REFUSED_MS ? [why] : []))),
        }
      },
      async close() {
        clearInterval(timer)
        await listener.close()
        await people.close()
        await captures?.close()
        await saveState()
        await store.close()
      },
    }
  }
}

/** Remembered to be counted. */
const REFUSED_MAX = 10_000
/** A visitor learns whether something speaks against the session, not how to get around it. */
const OWN_DIGITS = 10

function ownStanding(known: boolean, standing: Standing | undefined): OwnStanding {
  if (standing === undefined) return { known, tier: 1, score: 0, confidence: 0, reasons: [] }
  const { tier, score, confidence, reasons } = standing
  const rounded = (value: number) => Math.round(value * OWN_DIGITS) / OWN_DIGITS
  return {
    ...{ known, tier, score: rounded(score), confidence: rounded(confidence) },
    reasons: reasons.map(({ code }) => code),
  }
}

/** By the key in force; made again when that is another. */
function cookiesOf(key: () => Uint8Array): () => BehaviorCookies {
  let made: { readonly key: Uint8Array; readonly cookies: BehaviorCookies } | undefined
  return () => {
    const now = key()
    if (made === undefined || Buffer.compare(made.key, now) !== 0) {
      made = { key: now, cookies: new BehaviorCookies(now) }
    }
    return made.cookies
  }
}

function countsOf(list: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of list) counts[one] = (counts[one] ?? 0) + 1
  return counts
}
