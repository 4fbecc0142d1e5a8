/**
 * Ten thousand sessions over an hour and more, from one seed: opened in a crowd, asked to rotate by six workers that see the
 * load, let in by the key server's gate, sealed under epochs that roll; a peak that is predicted, comes, and goes; suspects
 * in the middle of it. Policy, hints, gate, epochs and the client's timer are those that run, time is ours.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RotationTimer } from '../../src/apps/browser/rotation-timer.ts'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import type { SessionWorld } from '../../src/apps/browser/session-world.ts'
import { acknowledge, advanceEpochs, newKeyGroup } from '../../src/keys/session/epochs.ts'
import {
  LATEST_SHARE,
  type RotatingTicket,
  type RotationHint,
  RotationHints,
  type RotationLoad,
} from '../../src/keys/session/rotation-hints.ts'
import {
  ROTATION_DEFAULTS,
  RotationGate,
  rotationInterval,
  spreadInterval,
} from '../../src/keys/session/rotation-policy.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const SESSIONS = 10_000
const SECONDS = 4_000
const WORKERS = 6
const TICKET_S = 900
/** Thrice what ten thousand sessions come to when they are spread. */
const PER_SECOND_MAX = 50
const POLICY = { ...ROTATION_DEFAULTS, perSecondMax: PER_SECOND_MAX }
const PEAK = { from: 2_000, to: 2_300, seenBefore: 300 }
const SUSPECTS = 300
const SUSPECTS_AT = 2_100
const EPOCH_EVERY_S = 150

interface Ticket extends RotatingTicket {
  readonly epoch: number
}
interface Client {
  readonly timer: RotationTimer
  ticket: Ticket
  generation: number
  failures: number
  tier: 1 | 2 | 3
  /** When its tier rose; 0: it did not, or its key has gone since. */
  suspectAt: number
}
interface Second {
  readonly ordinary: number
  readonly security: number
  readonly refused: number
}

/** @param seesLoad do hints and intervals go by the load? */
class Site {
  readonly seconds: Second[] = []
  readonly epochsMade = new Set<number>()
  /** Seconds from a suspect's first request to its new key. */
  readonly suspectWaits: number[] = []
  #now = 0
  readonly #fraction: () => number
  readonly #seesLoad: boolean
  readonly #workers: RotationHints[]
  readonly #gate = new RotationGate(PER_SECOND_MAX)
  readonly #clients: Client[] = []
  #group = newKeyGroup(1)
  readonly #held = new Set<number>()
  #acks: { readonly at: number; readonly epoch: number; readonly edge: string }[] = []
  #second = { ordinary: 0, security: 0, refused: 0 }

  constructor(seed: number, seesLoad: boolean) {
    const random = seededRandom(seed)
    this.#fraction = random.fraction
    this.#seesLoad = seesLoad
    const world = { fraction: random.fraction, bytes: (n: number) => new Uint8Array(n) }
    this.#workers = Array.from({ length: WORKERS }, () => new RotationHints(POLICY, world))
  }

  run(): this {
    for (this.#now = 1; this.#now <= SECONDS; this.#now++) this.#pass()
    return this
  }

  #pass(): void {
    this.#second = { ordinary: 0, security: 0, refused: 0 }
    this.#rollEpochs()
    for (const worker of this.#workers) {
      if (this.#load !== undefined) worker.load = this.#load
    }
    // All in the first minute, as after a restart of everything.
    for (let i = 0; i < SESSIONS / 60 && this.#clients.length < SESSIONS; i++) this.#open()
    if (this.#now === SUSPECTS_AT) {
      for (const client of this.#clients.slice(0, SUSPECTS)) client.tier = 3
    }
    for (const client of this.#clients) {
      assert.ok(client.ticket.expires > this.#now, `a session ended at ${this.#now}`)
      // About four requests a minute.
      if (this.#fraction() < 1 / 15) this.#request(client)
      if (client.timer.isDue()) this.#rotate(client)
    }
    this.seconds.push(this.#second)
  }

  #request(client: Client): void {
    const { ticket, tier } = client
    assert.ok(this.#held.has(ticket.epoch), 'every ticket can be opened')
    if (tier > ticket.tier && client.suspectAt === 0) client.suspectAt = this.#now
    const worker = this.#workers[Math.floor(this.#fraction() * WORKERS)] as RotationHints
    const hint = worker.hintFor(ticket, ticket, tier, this.#now)
    if (hint !== undefined && client.timer.heed(write(hint), this.#now)) this.#rotate(client)
  }

  #rotate(client: Client): void {
    const { ticket, tier } = client
    const latest = ticket.notBefore + TICKET_S * LATEST_SHARE
    const isSecurity = tier > ticket.tier
    const need = isSecurity ? 'security' : this.#now > latest ? 'urgent' : 'ordinary'
    if (!this.#gate.admit(need, this.#now)) {
      this.#second.refused++
      client.failures++
      // As `session-keeper.ts` has it.
      const backoff = this.#fraction() * Math.min(60, 2 ** (client.failures - 1))
      this.#plan(client, (this.#now + backoff) * 1000)
      return
    }
    if (isSecurity && client.suspectAt > 0) this.suspectWaits.push(this.#now - client.suspectAt)
    this.#second[isSecurity ? 'security' : 'ordinary']++
    client.suspectAt = 0
    client.failures = 0
    client.generation++
    client.ticket = this.#ticket(tier)
    this.#plan(client, 0)
  }

  #open(): void {
    const world = {
      now: () => this.#now * 1000,
      fraction: this.#fraction,
      later: () => () => {},
    } as unknown as SessionWorld
    const client: Client = {
      timer: new RotationTimer(world, () => {}),
      ...{ ticket: this.#ticket(1), generation: 1, failures: 0, tier: 1, suspectAt: 0 },
    }
    this.#clients.push(client)
    this.#plan(client, 0)
  }

  #ticket(tier: 1 | 2 | 3): Ticket {
    const { seconds } = rotationInterval(POLICY, {
      ...{ tier, predictedLoad: this.#load?.ahead, ticketMostS: TICKET_S * 0.8 },
    })
    const active = this.#group.epochs.find(({ state }) => state === 'active')
    assert.ok(active !== undefined)
    const now = this.#now
    return {
      ...{ tier, epoch: active.epoch, notBefore: now },
      rotateAfter: now + spreadInterval(seconds, POLICY.leastS, this.#fraction()),
      ...{ expires: now + TICKET_S },
    }
  }

  #plan({ timer, ticket, generation }: Client, retryAt: number): void {
    const { rotateAfter, expires } = ticket
    // The name of a ticket is all that the timer looks at.
    const session = { ticket: `${generation}`, rotateAfter, expires } as unknown as Session
    timer.plan(session, 0, retryAt)
  }

  get #load(): RotationLoad | undefined {
    if (!this.#seesLoad) return undefined
    const isPeak = this.#now >= PEAK.from && this.#now < PEAK.to
    const left = PEAK.from - this.#now
    if (isPeak) return { now: 1, ahead: 1, aheadS: 0 }
    if (left > 0 && left <= PEAK.seenBefore) return { now: 0.4, ahead: 1, aheadS: left }
    return { now: 0.4, ahead: 0.4, aheadS: 0 }
  }

  #rollEpochs(): void {
    const now = this.#now
    for (const { at, epoch, edge } of this.#acks) {
      if (at <= now) this.#group = acknowledge(this.#group, epoch, edge)
    }
    this.#acks = this.#acks.filter(({ at }) => at > now)
    const edges = new Set(['a', 'b', 'c'])
    const options = { epochS: 4 * TICKET_S, ticketS: TICKET_S }
    const roll = now % EPOCH_EVERY_S < 20
    // The first key is wanted at once.
    for (let step = 0; step < (now === 1 ? 3 : 1); step++) {
      const { group, orders } = advanceEpochs(this.#group, edges, options, now, roll)
      this.#group = group
      for (const order of orders) {
        if (order.kind === 'destroy') this.#held.delete(order.epoch)
        if (order.kind !== 'make') continue
        this.#held.add(order.epoch)
        this.epochsMade.add(order.epoch)
        for (const edge of edges) {
          if (now === 1) this.#group = acknowledge(this.#group, order.epoch, edge)
          else this.#acks.push({ at: now + this.#fraction() * 5, epoch: order.epoch, edge })
        }
      }
    }
  }
}

function write({ by, reason, from }: RotationHint): string {
  const after = from === undefined ? '' : `;from=${Math.floor(from)}`
  return `by=${Math.floor(by)};reason=${reason}${after}`
}

const between = (seconds: readonly Second[], from: number, to: number): number[] =>
  seconds.slice(from, to).map(({ ordinary }) => ordinary)
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

describe('ten thousand sessions that rotate', () => {
  const seeing = new Site(20261121, true).run()
  const blind = new Site(20261121, false).run()

  it('do so at a bounded rate, but for suspects', (t) => {
    for (const { seconds } of [seeing, blind]) {
      const most = Math.max(...seconds.map(({ ordinary }) => ordinary))
      assert.ok(most <= PER_SECOND_MAX, String(most))
      t.diagnostic(`at most ${most} a second; ${sum(seconds.map((one) => one.refused))} refused`)
    }
  })

  it('do so at once as suspects, in the middle of the peak', () => {
    // The rest went by their own clocks before they were met.
    assert.ok(seeing.suspectWaits.length > SUSPECTS * 0.9)
    assert.ok(seeing.suspectWaits.every((wait) => wait === 0))
  })

  it('leave the peak free, most of them by coming before it', (t) => {
    const inPeak = (one: Site) => sum(between(one.seconds, PEAK.from + 30, PEAK.to))
    t.diagnostic(`${inPeak(seeing)} in the peak, ${inPeak(blind)} without looking at the load`)
    assert.ok(inPeak(seeing) < inPeak(blind) / 2)
  })

  it('come back spread over time: no crowd when the peak is over', (t) => {
    const asked = (from: number, to: number): number =>
      Math.max(...seeing.seconds.slice(from, to).map((one) => one.ordinary + one.refused))
    const [opened, back, last] = [
      asked(500, 900),
      asked(PEAK.to, PEAK.to + 60),
      asked(3400, SECONDS),
    ]
    t.diagnostic(
      `asked at most ${opened} a second at first, ${back} after the peak, ${last} at last`,
    )
    assert.ok(back <= PER_SECOND_MAX)
    // Those that were opened at once part with each key.
    assert.ok(last < opened / 4)
  })

  it('rolled through many epochs, every ticket of which could be opened', () => {
    assert.ok(seeing.epochsMade.size > 20, String(seeing.epochsMade.size))
  })

  it('do the same again from the same seed', () => {
    assert.deepEqual(new Site(20261121, true).run().seconds, seeing.seconds)
    assert.notDeepEqual(blind.seconds, seeing.seconds)
  })
})
