/**
 * Mouse dynamics on the Balabit challenge (Fulop, Kovacs, Kurics, Windhager-Pokol, 2016): each person's training sessions
 * are learned, the labelled test sessions are scored whole. What is scored is the product's own profile.
 *
 * The labels do not say who sat there in an illegal session, so the background (the training sessions of all the others)
 * may hold that person: `auc_background` says how well known colleagues are told apart.
 * `auc_unseen` says how well strangers are: training sessions only, the last two of the person against those of
 * people who are in no background.
 *
 * @module
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type PointerEvent, readActions } from '../src/behavior/biometrics/pointer-actions.ts'
import {
  learnSession,
  openPointerProfile,
  type PointerProfile,
} from '../src/behavior/biometrics/pointer-profile.ts'
import {
  fitPointerProfile,
  scoreSession,
  trainContrast,
} from '../src/behavior/biometrics/pointer-score.ts'
import { seededFraction } from '../src/math/seeded-chance.ts'
import { areaUnderCurve, mean } from './equal-error.ts'
import { tarFiles } from './tar.ts'

/** Actions of one session. */
type Session = readonly Float64Array[]

interface Labelled {
  readonly session: Session
  readonly illegal: boolean
}

export async function evalMouse(dataDir: string): Promise<object> {
  const folder = await folderOf(dataDir)
  const labels = parseLabels(await readFile(join(folder, 'labels.csv'), 'utf8'))
  const training = await readSessions(join(folder, 'training.tar.gz'), readActions)
  const test = await readSessions(join(folder, 'test.tar.gz'), readActions)
  const perUser: Record<string, object> = {}
  for (const [user, sessions] of [...test].sort(byName)) {
    const labelled = [...sessions].flatMap(([name, session]): Labelled[] => {
      const illegal = labels.get(name)
      return illegal === undefined ? [] : [{ session, illegal }]
    })
    const own = [...(training.get(user)?.values() ?? [])]
    if (labelled.length === 0 || own.length === 0) continue
    perUser[user] = judge(own, othersOf(training, user), labelled)
  }
  const means = (key: string) =>
    round(mean(Object.values(perUser).map((row) => numberOf(row, key))))
  return {
    auc_background: means('auc_background'),
    auc_oneclass: means('auc_oneclass'),
    auc_unseen: round(mean([...training.keys()].map((user) => judgeUnseen(training, user)))),
    per_user: perUser,
  }
}

function judge(own: readonly Session[], others: readonly Session[], labelled: readonly Labelled[]) {
  const profile = profileOf(own)
  const alone = fitPointerProfile(profile)
  const among = fitPointerProfile(profile, trainContrast(profile, others, seededFraction(SEED)))
  const areaOf = (fit: typeof alone) => {
    const scores = (illegal: boolean) =>
      labelled
        .filter((row) => row.illegal === illegal)
        .map(({ session }) => deviationOf(fit, session))
    return round(areaUnderCurve(scores(false), scores(true)))
  }
  return {
    auc_background: areaOf(among),
    auc_oneclass: areaOf(alone),
    sessions: labelled.length,
  }
}

const SEED = 1
/** About as long as a labelled session. */
const CHUNK_ACTIONS = 60
const CHUNKS_EACH_MAX = 10
const KEPT_BACK = 2
const FOLDS = 3

function judgeUnseen(training: Sessions, target: string): number {
  const own = [...(training.get(target)?.values() ?? [])]
  const profile = profileOf(own.slice(0, -KEPT_BACK))
  const others = [...training.keys()].filter((user) => user !== target)
  const genuine: number[] = []
  const impostors: number[] = []
  for (let fold = 0; fold < FOLDS; fold++) {
    const strangers = others.filter((_, i) => i % FOLDS === fold)
    const known = others.filter((_, i) => i % FOLDS !== fold)
    const background = known.map((user) => [...(training.get(user)?.values() ?? [])].flat())
    const trees = trainContrast(profile, background, seededFraction(SEED))
    const fit = fitPointerProfile(profile, trees)
    const scores = (sessions: readonly Session[]) =>
      sessions.flatMap(chunks).map((chunk) => deviationOf(fit, chunk))
    genuine.push(...scores(own.slice(-KEPT_BACK)))
    impostors.push(
      ...strangers.flatMap((user) =>
        scores([...(training.get(user)?.values() ?? [])].slice(-1)).slice(0, CHUNKS_EACH_MAX),
      ),
    )
  }
  return areaUnderCurve(genuine, impostors)
}

function chunks(session: Session): Session[] {
  return Array.from({ length: Math.floor(session.length / CHUNK_ACTIONS) }, (_, i) =>
    session.slice(i * CHUNK_ACTIONS, (i + 1) * CHUNK_ACTIONS),
  )
}

function profileOf(sessions: readonly Session[]): PointerProfile {
  const profile = openPointerProfile()
  const fraction = seededFraction(SEED)
  for (const session of sessions) learnSession(profile, session, true, fraction)
  return profile
}

/** What cannot be judged is neither for nor against. */
function deviationOf(fit: ReturnType<typeof fitPointerProfile>, session: Session): number {
  const score = scoreSession(fit, session)
  return score.kind === 'scored' ? score.deviation : 0
}

type SessionsOf<T> = ReadonlyMap<string, ReadonlyMap<string, T>>
type Sessions = SessionsOf<Session>

function othersOf(training: Sessions, user: string): Session[] {
  return [...training]
    .filter(([name]) => name !== user)
    .map(([, sessions]) => [...sessions.values()].flat())
}

const GUNZIPPED_BYTES_MAX = 2 ** 30

/** The training sessions as they were recorded: user -> session -> events, by name. */
export async function readMouseEvents(dataDir: string): Promise<SessionsOf<PointerEvent[]>> {
  return readSessions(join(await folderOf(dataDir), 'training.tar.gz'), (events) => events)
}

/** The folder, or `balabit-mouse` in it. */
async function folderOf(dataDir: string): Promise<string> {
  const inside = join(dataDir, 'balabit-mouse')
  return await access(inside).then(
    () => inside,
    () => dataDir,
  )
}

/** user -> session -> what is read of its events, from paths that end in `user/session`. */
async function readSessions<T>(
  path: string,
  read: (events: PointerEvent[]) => T,
): Promise<SessionsOf<T>> {
  const options = { maxOutputLength: GUNZIPPED_BYTES_MAX }
  const archive = await promisify(gunzip)(await readFile(path), options)
  const users = new Map<string, Map<string, T>>()
  for (const { path: name, bytes } of tarFiles(archive)) {
    const [user, session] = name.split('/').slice(-2)
    if (user === undefined || session === undefined) continue
    const sessions = users.get(user) ?? new Map<string, T>()
    sessions.set(session, read(parseSession(new TextDecoder().decode(bytes))))
    users.set(user, sessions)
  }
  return new Map(
    [...users].sort(byName).map(([user, sessions]) => [user, new Map([...sessions].sort(byName))]),
  )
}

function byName<T>([a]: readonly [string, T], [b]: readonly [string, T]): number {
  return a < b ? -1 : 1
}

/** Where the recording device knew no position, it wrote 65535. */
const POSITION_MAX = 5000
const KINDS: Readonly<Record<string, PointerEvent['kind']>> = {
  Move: 'move',
  Drag: 'move',
  Pressed: 'press',
  Released: 'release',
}

/** Lines of record time, client time, button, state, x, y; the first is a header. Scrolling is left out. */
export function parseSession(csv: string): PointerEvent[] {
  return csv
    .split('\n')
    .slice(1)
    .flatMap((line): PointerEvent[] => {
      const [, timeS, , state = '', x, y] = line.trim().split(',')
      const kind = KINDS[state]
      const event = { timeS: Number(timeS), x: Number(x), y: Number(y) }
      const known = event.x < POSITION_MAX && event.y < POSITION_MAX
      return kind !== undefined && known ? [{ ...event, kind }] : []
    })
}

/** Session -> illegal. */
export function parseLabels(csv: string): Map<string, boolean> {
  const lines = csv.split('\n').slice(1)
  return new Map(
    lines
      .map((line) => line.trim().split(','))
      .filter((cells) => cells.length === 2)
      .map(([name = '', illegal]) => [name, illegal === '1']),
  )
}

function numberOf(row: object, key: string): number {
  return Number((row as Record<string, unknown>)[key])
}

function round(value: number): number {
  return Number(value.toFixed(4))
}
