/**
 * Checkpoints of audit logs go from node to node, so that none can write its log anew alone. Nodes open no connections: somebody who
 * uses them carries what each has signed to all others. It can hold them back, but not change them: a node keeps what is signed by the key
 * in a card that the cluster's identity has signed.
 *
 * @module
 */
import { isSameOctets } from '../../crypto/prime-group.ts'
import { toHex } from '../../ground/hex.ts'
import { octetsOf } from '../../ground/octets.ts'
import { readCheckpoint, writeCheckpoint } from '../../keys/custody/audit-checkpoint.ts'
import { FIELD, type Fields } from '../../wire/custody-message.ts'
import { readNodeCard } from '../../wire/custody-plan.ts'
import type { KnownNode, NodeLinks } from './node-links.ts'
import { isSignedBy, type NodeWorld, type Reply } from './node-world.ts'

const NO_KEY = new Uint8Array(16)
/** A node flushes two files for it. */
const ASK_MS = 5_000

/** At a node: keeps what is good and new, and answers what it has signed itself. `input`: anything is not as it should be. */
export function keepCheckpoints(
  { identity, audit }: Pick<NodeWorld, 'identity' | 'audit'>,
  fields: Fields,
): Reply {
  const cards = fields.get(FIELD.card) ?? []
  const lines = fields.get(FIELD.checkpoint) ?? []
  if (cards.length !== lines.length) return { outcome: 'input' }
  for (const [i, line] of lines.entries()) {
    const card = readNodeCard(cards[i] ?? NO_KEY)
    const checkpoint = readCheckpoint(Buffer.from(line).toString('latin1'))
    const isGood =
      card !== undefined &&
      checkpoint !== undefined &&
      isSignedBy(identity, 'card', card) &&
      isSameOctets(card.value.node, checkpoint.node)
    if (!isGood) return { outcome: 'input' }
    // One that is not newer was here before.
    audit.keepCheckpointOf(card.value.signingKey, checkpoint)
  }
  const newest = audit.newest()
  if (newest === undefined) return { outcome: 'done' }
  const line = octetsOf(writeCheckpoint(newest))
  return { outcome: 'done', fields: new Map([[FIELD.checkpoint, [line]]]) }
}

/** Carries them every so often; returns the way to stop. */
export function carryCheckpoints(links: NodeLinks, everyMs: number): () => void {
  const carrier = new CheckpointCarrier(links)
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    carrier.carry().finally(() => {
      isBusy = false
    })
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

export class CheckpointCarrier {
  readonly #links: NodeLinks
  /** By node: its newest, as a line. */
  readonly #newest = new Map<string, Uint8Array>()
  /** By node: which of others it has, `NODE LINE`. */
  readonly #told = new Map<string, Map<string, Uint8Array>>()
  /** That do not let us. */
  readonly #closed = new Set<string>()

  constructor(links: NodeLinks) {
    this.#links = links
  }

  /** Asks each node for what it has signed, and tells all others what is new. Never rejects. */
  async carry(): Promise<void> {
    const { nodes } = this.#links
    const news = await Promise.all(nodes.map((node) => this.#visit(node)))
    if (news.includes(true)) await Promise.all(nodes.map((node) => this.#visit(node)))
  }

  /** Whether it had signed something new. */
  async #visit(node: KnownNode): Promise<boolean> {
    const own = toHex(node.node)
    if (this.#closed.has(own)) return false
    const told = this.#told.get(own) ?? new Map<string, Uint8Array>()
    this.#told.set(own, told)
    const news = this.#links.nodes.flatMap((other) => {
      const name = toHex(other.node)
      const line = this.#newest.get(name)
      const isNew = line !== undefined && name !== own && told.get(name) !== line
      return isNew ? [{ name, line, card: other.cardBytes }] : []
    })
    const fields = new Map<number, readonly Uint8Array[]>()
    if (news.length > 0) {
      fields.set(
        FIELD.card,
        news.map(({ card }) => card),
      )
      fields.set(
        FIELD.checkpoint,
        news.map(({ line }) => line),
      )
    }
    const answer = await node.ask('checkpoint', NO_KEY, 0, fields, ASK_MS)
    if (answer?.outcome === 'refused') this.#closed.add(own)
    if (answer?.outcome !== 'done') return false
    for (const { name, line } of news) told.set(name, line)
    const [line] = answer.fields.get(FIELD.checkpoint) ?? []
    const before = this.#newest.get(own)
    if (line === undefined || (before !== undefined && isSameOctets(before, line))) return false
    this.#newest.set(own, line.slice())
    return true
  }
}
