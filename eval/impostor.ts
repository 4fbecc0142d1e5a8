/**
 * Two recorded people at one account, live: a whole Limen with a server for each tier, Chromium with the collector that pages load, and the
 * hands of the recordings (`recorded-hands.ts`). An owner is learned, comes again and should stay with the first server; then somebody else
 * comes with the owner's login and should be taken to the second and the third. Both ways round for each pair.
 *
 * People are paired as they come in the data: the first and the second, the third and the fourth. As in `eval -- people`, the owner's first 200
 * passwords are learned, fifty to a session as they were recorded, each begun with a second factor; the next ones are typed when the owner comes
 * again without it, and the impostor types the first of his own. Of the mouse the
 * owner's sessions but the last are learned, the last one comes again, and the impostor moves as in his first. Events have the times of the
 * recording and come as fast as Chromium takes them, 40 s of them to a load of the page; pauses beyond 10 s are 10 s.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { PointerEvent } from '../src/behavior/biometrics/pointer-actions.ts'
import { until } from '../test/real/fleet-under-test.ts'
import {
  AHEAD_MS_MAX,
  type PeopleInChromium,
  startPeople,
} from '../test/real/people-in-chromium.ts'
import { TIER_SERVERS, type Visit } from '../test/real/people-site.ts'
import { readKeystrokes } from './keystroke.ts'
import { readMouseEvents } from './mouse.ts'
import { type MouseStretch, mouseStretches, RecordedHands } from './recorded-hands.ts'

/** As in `people.ts`; two to a page, so that there is time for the mouse, of which 600 actions are taken on trust. */
const LEARNED_SESSIONS = 4
const SESSION_PASSWORDS = 50
const LEARNED_PASSWORDS = LEARNED_SESSIONS * SESSION_PASSWORDS
const LEARNED_PER_ROUND = 2
const OWNER_ROUNDS = 30
/** What docs/behavior.md states is 20 passwords for tier 3; twice that, to see what is late. */
const IMPOSTOR_ROUNDS = 40
/** Scores are told to workers soon, not at once: so long a page is loaded again to see. */
const LAST_LOADS = 5
const LAST_LOAD_MS = 1000
const VOUCHED_MS_MAX = 30_000

interface Recorded {
  readonly name: string
  readonly passwords: readonly Float64Array[]
  /** Of each session. */
  readonly mouse: readonly (readonly MouseStretch[])[]
}

interface Done {
  passwords: number
  mouse_actions: number
}

interface PairFigures {
  readonly owner: string
  readonly impostor: string
  /** Of the pages of the owner, once learned. */
  readonly owner_tier1_share: number
  readonly learned: Done
  /** null: it was not reached. */
  readonly tier2_after: Done | null
  readonly tier3_after: Done | null
  readonly impostor_reasons: readonly string[]
  readonly served: Readonly<Record<'learned' | 'owner' | 'impostor', object>>
}

/** @param pairs of people, each both ways round */
export async function evalImpostor(
  dataDir: string,
  { pairs = 1 }: { readonly pairs?: number },
): Promise<object> {
  const recorded = await readPeople(dataDir, 2 * pairs)
  const people = await startPeople()
  const found: PairFigures[] = []
  try {
    for (let i = 0; i + 1 < recorded.length; i += 2) {
      const [one, other] = [recorded[i], recorded[i + 1]]
      if (one === undefined || other === undefined) break
      found.push(
        ...(await Promise.all([judgePair(people, one, other), judgePair(people, other, one)])),
      )
    }
  } finally {
    await people.close()
  }
  return { pairs: found }
}

async function readPeople(dataDir: string, count: number): Promise<Recorded[]> {
  const keystrokes = await readKeystrokes(dataDir)
  const mice = [...(await readMouseEvents(dataDir))]
  return keystrokes.people.slice(0, Math.min(count, mice.length)).map((passwords, i) => {
    const [user, sessions] = mice[i] ?? ['', new Map<string, PointerEvent[]>()]
    return {
      name: `${keystrokes.names[i]} ${user}`,
      passwords,
      mouse: [...sessions.values()].map(mouseStretches),
    }
  })
}

async function judgePair(
  people: PeopleInChromium,
  owner: Recorded,
  impostor: Recorded,
): Promise<PairFigures> {
  // A cookie and a query hold no spaces.
  const [user, visitor] = [owner.name, impostor.name].map((name) => name.replace(' ', '-'))
  const own = new RecordedHands(
    owner.passwords.slice(0, LEARNED_PASSWORDS),
    owner.mouse.slice(0, -1).flat(),
  )
  const learned = { passwords: 0, mouse_actions: 0 }
  for (let session = 0; session < LEARNED_SESSIONS; session++) {
    const learner = await people.comes(`${user}-learned`, `${user};confirmed`)
    const rounds = SESSION_PASSWORDS / LEARNED_PER_ROUND
    const { done } = await use(learner, own, rounds, { perRound: LEARNED_PER_ROUND })
    learned.passwords += done.passwords
    learned.mouse_actions += done.mouse_actions
    await learner.leave()
  }

  const again = await people.comes(`${user}-again`, `${user}`)
  const later = new RecordedHands(
    owner.passwords.slice(LEARNED_PASSWORDS),
    owner.mouse.at(-1) ?? [],
  )
  const stayed = await use(again, later, OWNER_ROUNDS)
  // Who was taken for somebody else says so by a second factor; the tier of the account would be the next one's, too.
  await again.load(`user=${user};confirmed`)
  await until('tier 1', VOUCHED_MS_MAX, async () => (await again.me()).tier === 1)
  await again.leave()

  const thief = await people.comes(`${visitor}-as-${user}`, `${user}`)
  const foreign = new RecordedHands(
    impostor.passwords.slice(0, IMPOSTOR_ROUNDS),
    impostor.mouse[0] ?? [],
  )
  const taken = await use(thief, foreign, IMPOSTOR_ROUNDS, { to: 'sandbox' })
  const { reasons } = await thief.me()
  await thief.leave()
  return {
    ...{ owner: owner.name, impostor: impostor.name },
    owner_tier1_share: Number((stayed.at.filter(isFirst).length / stayed.at.length).toFixed(4)),
    learned,
    tier2_after: taken.first.get('strict') ?? taken.first.get('sandbox') ?? null,
    tier3_after: taken.first.get('sandbox') ?? null,
    impostor_reasons: reasons,
    served: {
      learned: people.served(`${user}-learned`),
      owner: people.served(`${user}-again`),
      impostor: people.served(`${visitor}-as-${user}`),
    },
  }
}

const isFirst = (server: string): boolean => server === TIER_SERVERS[0]

interface Used {
  readonly done: Done
  /** The server of each page. */
  readonly at: readonly string[]
  /** What was done when a server first served. */
  readonly first: ReadonlyMap<string, Done>
}

/** @param to a server: once that serves it is over */
async function use(
  { play, load }: Visit,
  hands: RecordedHands,
  rounds: number,
  { perRound, to }: { readonly perRound?: number; readonly to?: string } = {},
): Promise<Used> {
  const done = { passwords: 0, mouse_actions: 0 }
  const at: string[] = []
  const first = new Map<string, Done>()
  const loads = rounds + (to === undefined ? 0 : LAST_LOADS)
  const isThere = () => to !== undefined && at.at(-1) === to
  for (let round = 0; round < loads && !isThere(); round++) {
    if (round < rounds) {
      const { events, passwords, mouseActions } = hands.round(AHEAD_MS_MAX, perRound)
      await play(events)
      done.passwords += passwords
      done.mouse_actions += mouseActions
    } else await delay(LAST_LOAD_MS)
    const server = await load()
    at.push(server)
    if (!first.has(server)) first.set(server, { ...done })
  }
  return { done, at, first }
}
