/**
 * The profiler at work in the supervisor: takes what the workers saw of handshakes, lets the flow learn from it
 * (`flows/profile-handshakes.ts`), keeps what it learned, and tells the workers whom to look at. No connection waits
 * for any of it: what comes faster than it can be learned is dropped and counted.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import type { Reason } from '../../behavior/decision.ts'
import type { Profile } from '../../behavior/handshake/profile.ts'
import type { Signature } from '../../behavior/handshake/signature.ts'
import type { Verdict } from '../../behavior/handshake/verdict.ts'
import { learnFeedback } from '../../flows/learn-feedback.ts'
import { learnHandshakes, missingProfiles } from '../../flows/profile-handshakes.ts'
import { takeForest, trainingSamples } from '../../flows/profiler-forest.ts'
import { removeSignature, signaturesOf } from '../../flows/profiler-signatures.ts'
import { forgetProfile, type Profiler, snapshotOf } from '../../flows/profiler-state.ts'
import { verdictsOf } from '../../flows/profiler-verdicts.ts'
import type { Clock } from '../../ground/clock.ts'
import type { DataPlane, HandshakesSeen } from '../../ports/data-plane.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import type { Config } from './config/schema.ts'
import type { TrainForest } from './forest-training.ts'
import {
  type ProfilePage,
  type ProfileQuery,
  readProfiles,
  rememberProfiles,
} from './profile-list.ts'

export interface ProfileFeedOptions {
  readonly plane: DataPlane
  readonly store: ProfileStore
  readonly profiler: Profiler
  /** In force now. */
  readonly admission: () => Config['admission']
  readonly trainForest: TrainForest
  readonly clock: Clock
  readonly log: Log
  /** The database could not be opened: what is here is in memory. */
  readonly failed: boolean
}

export interface ProfileFigures {
  /** Profiles kept, as of the last save. */
  readonly profiles: number
  readonly verdicts: number
  readonly signatures: number
  /** Hellos learned from since start. */
  readonly learned: number
  /** Hellos and outcomes that came faster than they could be learned from. */
  readonly dropped: number
  /** Profiles that storage could not take. */
  readonly unstored: number
}

export interface Feedback {
  readonly profile: string
  readonly label: 'good' | 'bad'
  readonly by: string
}

export interface ProfileFeed {
  figures(): ProfileFigures
  get(id: string): Promise<Profile | undefined>
  list(query: ProfileQuery): Promise<ProfilePage>
  /** undefined when there is no such profile. */
  feedback(given: Feedback): Promise<{ profile: Profile; signature?: Signature } | undefined>
  /** False when there is no such profile. */
  remove(id: string): Promise<boolean>
  signatures(): readonly Signature[]
  /** False when there is no such signature. */
  removeSignature(id: string): boolean
  /** Resolves when all that was seen has been learned; for tests. */
  settled(): Promise<void>
  /** Stops taking, and resolves when what was learned is stored. */
  close(): Promise<void>
}

/** Hellos and outcomes waiting: some seconds of handshakes on 8 cores, about 20 MB. */
const WAITING_MAX = 20_000
/** Touched profiles are stored this often; what a crash loses is as much. */
const SAVE_MS = 2_000
/**
 * Of each time: 500 a second, a tenth of a core (measured 2026-11-21: 0.1 to 0.2 ms each, on a busy machine). A flood of
 * strangers waits, and what it brings is lost first.
 */
const SAVED_AT_ONCE_MAX = 1000
/** A store that fails is asked again after so long. */
const SAVE_AGAIN_MS = 30_000
/** Touched profiles waiting for a store that does not take them; beyond it they are lost and counted. */
const UNSAVED_MAX = 20_000
/** Workers hear of new verdicts at most this often. */
const JUDGE_MS = 100
/** Verdicts end by themselves: so often it is looked which. */
const EXPIRE_MS = 10_000
const SNAPSHOT_MS = 60_000
/** The forest is grown anew this often; it follows what is usual here within the hour. */
const FOREST_MS = 600_000
/** While there is none, with the first samples there are. */
const FIRST_FOREST_MS = 20_000
/** As many points as one tree draws (`ISOLATION_FOREST_DEFAULTS`): with fewer all trees are alike. */
const FOREST_SAMPLES_MIN = 256

export function feedProfiles(options: ProfileFeedOptions): ProfileFeed {
  const { plane, store, profiler, admission, clock, log } = options
  const memory = rememberProfiles()
  const waiting: HandshakesSeen[] = []
  let waitingCount = 0
  let learning: Promise<void> | undefined
  const unsaved = new Map<string, Profile>()
  let saving: Promise<void> | undefined
  let batch: ReadonlyMap<string, Profile> = new Map()
  let failing = options.failed
  let failedAt = 0
  let learned = 0
  let dropped = 0
  let unstored = 0
  let kept = 0
  let changed = false
  let verdicts: readonly Verdict[] = []
  let judgeTimer: NodeJS.Timeout | undefined

  const judgeNow = (): void => {
    clearTimeout(judgeTimer)
    judgeTimer = undefined
    const now = clock.now()
    verdicts = [...verdictsOf(profiler, now), ...verdictsOfFailure(failing, admission(), now)]
    plane.judge(verdicts)
  }
  const judgeSoon = (): void => {
    judgeTimer ??= setTimeout(judgeNow, JUDGE_MS)
  }
  const setFailing = (now: boolean, error?: unknown): void => {
    if (now) failedAt = clock.now()
    // What could not be opened at start does not come back by itself.
    if (now === failing || options.failed) return
    failing = now
    const { onError } = admission()
    if (now) log.error({ err: error, onError }, 'The profile database fails')
    else log.info({}, 'The profile database works again')
    judgeSoon()
  }
  const touch = (profiles: readonly Profile[]): void => {
    memory.note(profiles)
    changed = true
    for (const profile of profiles) {
      if (unsaved.size < UNSAVED_MAX || unsaved.has(profile.id)) unsaved.set(profile.id, profile)
      else unstored++
    }
  }
  const load = async (ids: readonly string[]): Promise<readonly Profile[]> => {
    const fresh = ids.flatMap((id) => unsaved.get(id) ?? batch.get(id) ?? [])
    const known = new Set(fresh.map(({ id }) => id))
    try {
      return [...fresh, ...(await store.load(ids.filter((id) => !known.has(id))))]
    } catch (error) {
      setFailing(true, error)
      return fresh
    }
  }
  const save = async (most: number): Promise<void> => {
    if (unsaved.size === 0) return
    batch = mostUseful(unsaved, most)
    for (const id of batch.keys()) unsaved.delete(id)
    try {
      await store.save([...batch.values()])
      kept = await store.size()
      setFailing(false)
    } catch (error) {
      setFailing(true, error)
      // Tried again with the next, as long as there is room.
      for (const [id, profile] of batch) {
        if (unsaved.has(id)) continue
        if (unsaved.size < UNSAVED_MAX) unsaved.set(id, profile)
        else unstored++
      }
    }
    batch = new Map()
  }
  const saveSoon = async (): Promise<void> => {
    if (failing && !options.failed && clock.now() - failedAt < SAVE_AGAIN_MS) return
    saving ??= save(SAVED_AT_ONCE_MAX).finally(() => {
      saving = undefined
    })
    await saving
  }
  const saveState = async (): Promise<void> => {
    if (!changed) return
    changed = false
    try {
      await store.saveState(snapshotOf(profiler))
    } catch (error) {
      setFailing(true, error)
    }
  }

  const learnOne = async (seen: HandshakesSeen): Promise<void> => {
    const loaded = await load(missingProfiles(profiler, seen))
    const { touched, verdictsChanged } = learnHandshakes(profiler, seen, loaded, clock.now())
    learned += seen.observations.length + sumOf(seen.more)
    touch(touched)
    if (verdictsChanged) judgeSoon()
  }
  const learn = async (): Promise<void> => {
    for (let seen = waiting.shift(); seen !== undefined; seen = waiting.shift()) {
      waitingCount -= sizeOf(seen)
      // What else the supervisor does goes on in between.
      await new Promise((resolve) => setImmediate(resolve))
      try {
        await learnOne(seen)
      } catch (error) {
        // A defect of ours in one batch must not end learning.
        dropped += sizeOf(seen)
        log.error({ err: error }, 'Cannot learn from handshakes')
      }
    }
    learning = undefined
  }
  const stopSeeing = plane.onHandshakes((seen) => {
    const size = sizeOf(seen)
    if (waitingCount + size > WAITING_MAX) {
      dropped += size
      return
    }
    waiting.push(seen)
    waitingCount += size
    learning ??= learn()
  })
  const settled = async (): Promise<void> => {
    while (learning !== undefined) await learning
  }

  let isGrowing = false
  let grownAt = Number.NEGATIVE_INFINITY
  const grow = async (): Promise<void> => {
    const samples = trainingSamples(profiler)
    if (samples.length < FOREST_SAMPLES_MIN) return
    grownAt = clock.now()
    try {
      takeForest(profiler, await options.trainForest(samples))
      changed = true
    } catch (error) {
      log.error({ err: error }, 'Cannot grow a forest: the one there is stays')
    }
  }
  const growSoon = (): void => {
    if (isGrowing || clock.now() - grownAt < FOREST_MS) return
    isGrowing = true
    void grow().finally(() => {
      isGrowing = false
    })
  }

  const timers = [
    setInterval(() => void saveSoon(), SAVE_MS),
    setInterval(judgeNow, EXPIRE_MS),
    setInterval(() => void saveState(), SNAPSHOT_MS),
    setInterval(growSoon, FIRST_FOREST_MS),
  ]
  for (const timer of timers) timer.unref()
  judgeNow()
  void memory.fill(store).then(
    (size) => {
      kept = Math.max(kept, size)
    },
    (error: unknown) => setFailing(true, error),
  )

  const get = async (id: string): Promise<Profile | undefined> => (await load([id]))[0]
  return {
    figures: () => ({
      ...{ learned, dropped, unstored, profiles: kept, verdicts: verdicts.length },
      signatures: signaturesOf(profiler, clock.now()).length,
    }),
    get,
    list: (query) => readProfiles(query, memory, store, (id) => unsaved.get(id) ?? batch.get(id)),
    async feedback(given) {
      await settled()
      const profile = await get(given.profile)
      if (profile === undefined) return undefined
      const { touched, signature } = learnFeedback(profiler, given, profile, clock.now())
      touch(touched)
      judgeNow()
      const after = touched.find(({ id }) => id === given.profile) ?? profile
      return { profile: after, ...(signature === undefined ? {} : { signature }) }
    },
    async remove(id) {
      await settled()
      const known = (await get(id)) !== undefined
      // What is being stored now must not come back after.
      await saving
      unsaved.delete(id)
      forgetProfile(profiler, id)
      memory.forget(id)
      await store.remove([id])
      changed = true
      judgeNow()
      return known
    },
    signatures: () => signaturesOf(profiler, clock.now()),
    removeSignature(id) {
      const removed = removeSignature(profiler, id)
      changed ||= removed
      judgeNow()
      return removed
    },
    settled,
    async close() {
      stopSeeing()
      for (const timer of timers) clearInterval(timer)
      await settled()
      clearTimeout(judgeTimer)
      await saving
      await save(UNSAVED_MAX)
      await saveState()
    },
  }
}

/** Those that came back or are suspicious first. */
function mostUseful(
  profiles: ReadonlyMap<string, Profile>,
  most: number,
): ReadonlyMap<string, Profile> {
  if (profiles.size <= most) return new Map(profiles)
  const [known, strangers] = [new Map<string, Profile>(), new Map<string, Profile>()]
  for (const [id, profile] of profiles) {
    const { connections, tier, label } = profile
    const map = connections > 1 || tier > 1 || label !== '' ? known : strangers
    map.set(id, profile)
  }
  return new Map([...known, ...strangers].slice(0, most))
}

function sizeOf({ observations, outcomes, more = [] }: HandshakesSeen): number {
  return observations.length + outcomes.length + more.length
}

function sumOf(more: HandshakesSeen['more'] = []): number {
  return more.reduce((sum, { hellos }) => sum + hellos, 0)
}

/** While the profile database fails, and nobody said open: every new handshake is of tier 2. */
function verdictsOfFailure(
  failing: boolean,
  { onError, tier2 }: Config['admission'],
  now: number,
): readonly Verdict[] {
  if (!failing || onError === 'open') return []
  const reason: Reason = {
    code: 'profiles-unusable',
    text: 'The profile database fails, and admission.onError sends everybody here',
    weight: tier2,
    detector: 'signature',
  }
  return [
    {
      subject: { kind: 'everybody' },
      ...{ score: tier2, reasons: [reason], until: now + 3 * EXPIRE_MS },
    },
  ]
}
