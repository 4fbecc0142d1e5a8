/**
 * The life of the keys that seal tickets (STEKs), one line of epochs per key group, as the key server sees it (LSK/1
 * section 1.9): made ahead of time, given to every edge of the group, used once all of them said that they have it,
 * accepted for one epoch more, then destroyed. So no valid ticket is ever one that an edge cannot open.
 *
 *   pending -> active -> accept -> destroyed
 *
 * State in, orders out; who holds the key bytes is another's business.
 *
 * @module
 */

export type EpochState = 'pending' | 'active' | 'accept'

export interface Epoch {
  readonly epoch: number
  readonly state: EpochState
  /** Seconds since 1970. */
  readonly madeAt: number
  /** When it became active; 0 before. */
  readonly activeAt: number
  /** Until when tickets under it are accepted; Infinity while it is not superseded. */
  readonly acceptUntil: number
  /** Edges that said they have it. */
  readonly acknowledged: ReadonlySet<string>
}

export interface KeyGroup {
  readonly group: number
  /** In the order of their numbers. */
  readonly epochs: readonly Epoch[]
  /** The next number: never used twice, across restarts too. */
  readonly nextEpoch: number
}

export interface EpochOptions {
  readonly epochS: number
  /** The longest life of a ticket: the epoch is at least four times as long. */
  readonly ticketS: number
}

/** Section 1.9: the next key is made when a fifth of the epoch is left. */
const AHEAD_SHARE = 0.2

export type EpochOrder =
  /** Make a key of this number and give it to all edges of the group. */
  | { readonly kind: 'make'; readonly group: number; readonly epoch: number }
  /** Seal new tickets with it from now on. */
  | { readonly kind: 'activate'; readonly group: number; readonly epoch: number }
  /** These edges did not acknowledge in time: they take no more clients of this group. */
  | { readonly kind: 'exclude'; readonly group: number; readonly edges: readonly string[] }
  | { readonly kind: 'destroy'; readonly group: number; readonly epoch: number }

export function newKeyGroup(group: number, nextEpoch = 1): KeyGroup {
  return { group, epochs: [], nextEpoch }
}

/** An edge has the key of `epoch`. */
export function acknowledge(group: KeyGroup, epoch: number, edge: string): KeyGroup {
  return withEpoch(group, epoch, (each) => ({
    ...each,
    acknowledged: new Set([...each.acknowledged, edge]),
  }))
}

/**
 * What time, acknowledgements and `rotate` (now, by hand or on suspicion) ask for.
 *
 * @param edges those that serve the group and live
 * @param now seconds since 1970
 */
export function advanceEpochs(
  group: KeyGroup,
  edges: ReadonlySet<string>,
  options: EpochOptions,
  now: number,
  rotate = false,
): { readonly group: KeyGroup; readonly orders: readonly EpochOrder[] } {
  const orders: EpochOrder[] = []
  let next = destroyOld(group, now, orders)
  const active = next.epochs.find(({ state }) => state === 'active')
  const pending = next.epochs.find(({ state }) => state === 'pending')
  const epochS = Math.max(options.epochS, 4 * options.ticketS)
  const endsAt = active === undefined ? now : active.activeAt + epochS
  if (pending === undefined) {
    const due = active === undefined || rotate || now >= endsAt - epochS * AHEAD_SHARE
    if (due) next = make(next, now, orders)
  } else {
    const missing = [...edges].filter((edge) => !pending.acknowledged.has(edge))
    const late = now >= Math.max(endsAt, pending.madeAt)
    if (missing.length === 0 && (active === undefined || rotate || now >= endsAt)) {
      next = activate(next, pending.epoch, options.ticketS, now, orders)
    } else if (late && active !== undefined && now >= endsAt + epochS * AHEAD_SHARE) {
      // An edge that never answers must not keep an old key alive for ever.
      orders.push({ kind: 'exclude', group: group.group, edges: missing })
      next = activate(next, pending.epoch, options.ticketS, now, orders)
    }
  }
  return { group: next, orders }
}

function make(group: KeyGroup, now: number, orders: EpochOrder[]): KeyGroup {
  const epoch: Epoch = {
    epoch: group.nextEpoch,
    state: 'pending',
    madeAt: now,
    activeAt: 0,
    acceptUntil: Number.POSITIVE_INFINITY,
    acknowledged: new Set(),
  }
  orders.push({ kind: 'make', group: group.group, epoch: epoch.epoch })
  return { ...group, epochs: [...group.epochs, epoch], nextEpoch: group.nextEpoch + 1 }
}

function activate(
  group: KeyGroup,
  epoch: number,
  ticketS: number,
  now: number,
  orders: EpochOrder[],
): KeyGroup {
  orders.push({ kind: 'activate', group: group.group, epoch })
  const epochs = group.epochs.map((each): Epoch => {
    if (each.epoch === epoch) return { ...each, state: 'active', activeAt: now }
    // Tickets sealed a moment ago live `ticketS` more.
    if (each.state === 'active') return { ...each, state: 'accept', acceptUntil: now + ticketS }
    return each
  })
  return { ...group, epochs }
}

function destroyOld(group: KeyGroup, now: number, orders: EpochOrder[]): KeyGroup {
  const epochs = group.epochs.filter(({ state, acceptUntil, epoch }) => {
    const old = state === 'accept' && acceptUntil < now
    if (old) orders.push({ kind: 'destroy', group: group.group, epoch })
    return !old
  })
  return { ...group, epochs }
}

function withEpoch(group: KeyGroup, epoch: number, change: (epoch: Epoch) => Epoch): KeyGroup {
  return {
    ...group,
    epochs: group.epochs.map((each) => (each.epoch === epoch ? change(each) : each)),
  }
}
