/**
 * The keys that seal tickets, with the bytes: `keys/session/epochs.ts` says when one is made, used and destroyed; this
 * makes it, keeps it sealed, and hands it to whoever gives it to the workers. Kept before it is given, so that no
 * number is ever used for two keys.
 *
 * | bytes | what |
 * |---|---|
 * | 1, 1 | version 1, count of groups; for each: |
 * | 1, 4, 1 | group, next epoch, count of epochs; for each: |
 * | 4, 1 | epoch, state (0 pending, 1 active, 2 accept) |
 * | 4, 4, 4 | made, active, accept until: seconds since 1970; 0 for none |
 * | 32 | key |
 *
 * @module
 */
import { Steks } from '../../../adapters/node/session-crypto.ts'
import type { Random } from '../../../ground/random.ts'
import {
  acknowledge,
  advanceEpochs,
  type Epoch,
  type EpochOptions,
  type EpochOrder,
  type EpochState,
  type KeyGroup,
  newKeyGroup,
} from '../../../keys/session/epochs.ts'
import type { SessionKeysGiven } from '../../../ports/data-plane.ts'
import type { TicketContents } from '../../../wire/session-ticket.ts'
import type { SealedFile } from './sealed-file.ts'

export interface EpochKeys {
  readonly steks: Steks
  groups(): readonly KeyGroup[]
  /** All that are to be held by workers. */
  given(): SessionKeysGiven['keys']
  /** undefined while the group has no key that all workers hold. */
  activeEpoch(group: number): number | undefined
  /** Seals under the active key. @throws RangeError without one */
  seal(group: number, contents: TicketContents): Uint8Array
  /** A worker holds these. */
  held(worker: string, stekIds: readonly number[]): void
  /** The next key comes as soon as all workers hold it. */
  rotate(group: number): void
  /** Forgets all keys of a group at once; the last epoch that is no longer good. */
  revoke(group: number, now: number): number
  /**
   * What time and workers ask for. Throws when keys cannot be kept: then nothing has changed.
   *
   * @param living those that are to hold the keys of a group
   * @param now seconds since 1970
   */
  tick(
    living: (group: number) => ReadonlySet<string>,
    now: number,
  ): {
    /** Workers must be given {@link given} anew. */
    readonly isNews: boolean
    readonly activated: readonly { readonly group: number; readonly epoch: number }[]
    /** They did not take a key in time. */
    readonly excluded: readonly { readonly group: number; readonly holder: string }[]
  }
}

export interface EpochKeysOptions extends EpochOptions {
  readonly file: SealedFile
  readonly random: Random
  readonly groups: readonly number[]
}

const KEY_BYTES = 32
const VERSION = 1
const STATES: readonly EpochState[] = ['pending', 'active', 'accept']
const GROUP_BYTES = 6
const EPOCH_BYTES = 17 + KEY_BYTES
/** Orders lead to orders (a key that nobody must be given is active at once), but never for long. */
const STEPS_MAX = 4

export function openEpochKeys(options: EpochKeysOptions): EpochKeys {
  const { file, random } = options
  const plain = file.read()
  const kept = plain === undefined ? undefined : (read(plain) ?? file.refuse())
  plain?.fill(0)
  const steks = new Steks()
  const keys = new Map<number, Buffer>()
  const rotating = new Set<number>()
  const groups = new Map<number, KeyGroup>()
  // A group that left the configuration keeps its counter, not its keys.
  for (const { group, nextEpoch } of kept?.groups ?? []) {
    groups.set(group, newKeyGroup(group, nextEpoch))
  }
  for (const group of options.groups) {
    const found = kept?.groups.find((one) => one.group === group)
    groups.set(group, found ?? newKeyGroup(group))
    for (const { epoch } of found?.epochs ?? []) {
      const id = stekIdOf(group, epoch)
      const key = kept?.keys.get(id)
      if (key === undefined) continue
      keys.set(id, key)
      steks.add(id, key)
    }
  }
  const save = (): void => file.write(write([...groups.values()], keys))
  const add = (group: number, epoch: number): void => {
    const id = stekIdOf(group, epoch)
    const key = Buffer.from(random.bytes(KEY_BYTES))
    keys.set(id, key)
    steks.add(id, key)
  }
  const remove = (group: number, epoch: number): void => {
    const id = stekIdOf(group, epoch)
    keys.get(id)?.fill(0)
    keys.delete(id)
    steks.destroy(id)
  }
  const groupOf = (group: number): KeyGroup => groups.get(group) ?? newKeyGroup(group)
  const activeEpoch = (group: number) =>
    groupOf(group).epochs.find(({ state }) => state === 'active')?.epoch

  return {
    steks,
    groups: () => options.groups.map(groupOf),
    given: () => [...keys].map(([stekId, key]) => ({ stekId, key })),
    activeEpoch,
    seal: (group, contents) =>
      steks.sealTicket(stekIdOf(group, activeEpoch(group) ?? 0), contents, random),
    held(worker, stekIds) {
      for (const stekId of stekIds) {
        const [group, epoch] = [stekId >>> 24, stekId & 0xffffff]
        if (groups.has(group)) groups.set(group, acknowledge(groupOf(group), epoch, worker))
      }
    },
    rotate: (group) => void rotating.add(group),
    revoke(group, now) {
      const { epochs, nextEpoch } = groupOf(group)
      for (const { epoch } of epochs) remove(group, epoch)
      // Its next key is made here: without any, no new session could be opened until the next tick.
      const { group: next } = advanceEpochs(newKeyGroup(group, nextEpoch), new Set(), options, now)
      groups.set(group, next)
      for (const { epoch } of next.epochs) add(group, epoch)
      save()
      return nextEpoch - 1
    },
    tick(living, now) {
      let isNews = false
      const activated: { group: number; epoch: number }[] = []
      const excluded: { group: number; holder: string }[] = []
      const carryOut = (order: EpochOrder): void => {
        if (order.kind === 'destroy') remove(order.group, order.epoch)
        if (order.kind === 'make' || order.kind === 'destroy') isNews = true
        if (order.kind === 'exclude') {
          for (const holder of order.edges) excluded.push({ group: order.group, holder })
        }
        if (order.kind === 'activate') {
          rotating.delete(order.group)
          activated.push({ group: order.group, epoch: order.epoch })
        }
      }
      const step = (id: number): boolean => {
        const before = groupOf(id)
        const { group, orders } = advanceEpochs(before, living(id), options, now, rotating.has(id))
        if (orders.length === 0) return false
        const made = orders.flatMap((order) => (order.kind === 'make' ? [order] : []))
        for (const { epoch } of made) add(id, epoch)
        groups.set(id, group)
        try {
          save()
        } catch (error) {
          // As if it had not been tried: the next tick tries again.
          groups.set(id, before)
          for (const { epoch } of made) remove(id, epoch)
          throw error
        }
        for (const order of orders) carryOut(order)
        return true
      }
      for (const id of options.groups) {
        for (let steps = 0; steps < STEPS_MAX && step(id); steps++);
      }
      return { isNews, activated, excluded }
    },
  }
}

function stekIdOf(group: number, epoch: number): number {
  return ((group << 24) | epoch) >>> 0
}

function write(groups: readonly KeyGroup[], keys: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const size = groups.reduce(
    (sum, { epochs }) => sum + GROUP_BYTES + epochs.length * EPOCH_BYTES,
    2,
  )
  const bytes = Buffer.alloc(size)
  bytes.set([VERSION, groups.length])
  let at = 2
  for (const { group, nextEpoch, epochs } of groups) {
    bytes.writeUInt8(group, at)
    bytes.writeUInt32BE(nextEpoch, at + 1)
    bytes.writeUInt8(epochs.length, at + 5)
    at += GROUP_BYTES
    for (const { epoch, state, madeAt, activeAt, acceptUntil } of epochs) {
      bytes.writeUInt32BE(epoch, at)
      bytes.writeUInt8(STATES.indexOf(state), at + 4)
      bytes.writeUInt32BE(madeAt, at + 5)
      bytes.writeUInt32BE(activeAt, at + 9)
      bytes.writeUInt32BE(Number.isFinite(acceptUntil) ? acceptUntil : 0, at + 13)
      bytes.set(keys.get(stekIdOf(group, epoch)) ?? new Uint8Array(KEY_BYTES), at + 17)
      at += EPOCH_BYTES
    }
  }
  return bytes
}

/** undefined for anything but what {@link write} wrote. Acknowledgements are not kept: workers are new. */
function read(plain: Uint8Array) {
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.length)
  if (bytes.length < 2 || bytes[0] !== VERSION) return undefined
  const keys = new Map<number, Buffer>()
  const groups: KeyGroup[] = []
  let at = 2
  for (let left = bytes[1] as number; left > 0; left--) {
    if (at + GROUP_BYTES > bytes.length) return undefined
    const group = bytes.readUInt8(at)
    const nextEpoch = bytes.readUInt32BE(at + 1)
    const end = at + GROUP_BYTES + bytes.readUInt8(at + 5) * EPOCH_BYTES
    if (end > bytes.length) return undefined
    const epochs: Epoch[] = []
    for (at += GROUP_BYTES; at < end; at += EPOCH_BYTES) {
      const epoch = bytes.readUInt32BE(at)
      const state = STATES[bytes.readUInt8(at + 4)]
      if (state === undefined || epoch >= nextEpoch) return undefined
      epochs.push({
        epoch,
        state,
        madeAt: bytes.readUInt32BE(at + 5),
        activeAt: bytes.readUInt32BE(at + 9),
        acceptUntil: bytes.readUInt32BE(at + 13) || Number.POSITIVE_INFINITY,
        acknowledged: new Set(),
      })
      keys.set(stekIdOf(group, epoch), Buffer.from(bytes.subarray(at + 17, at + EPOCH_BYTES)))
    }
    groups.push({ group, nextEpoch, epochs })
  }
  return at === bytes.length ? { groups, keys } : undefined
}
