/**
 * A custody node (LCU/1, `docs/wire/custody.md`): answers one request after the other. Who may ask for what is decided before
 * anything is done, and what came of it is written down before it is told. How requests come in is `listener.ts`, how it starts `start-node.ts`.
 *
 * @module
 */
import { isSameOctets } from '../../crypto/prime-group.ts'
import { toHex } from '../../ground/hex.ts'
import { type KeyLabel, keyIdOf, readKeyLabel, schemeOf } from '../../keys/custody/key-label.ts'
import { readCustodyDeletion } from '../../wire/custody-deletion.ts'
import {
  type CustodyRequest,
  FIELD,
  fieldOf,
  OPERATIONS,
  type OperationName,
  readCustodyRequest,
  writeCustodyAnswer,
} from '../../wire/custody-message.ts'
import type { Caller } from './caller.ts'
import { ShareChanges } from './change-shares.ts'
import { proveShare } from './drill-proof.ts'
import { HeldKeys } from './held-keys.ts'
import { groupOf, type NodeWorld, type Reply } from './node-world.ts'
import { keepCheckpoints } from './peer-checkpoints.ts'
import { RequestMemory } from './request-memory.ts'
import { ACTIONS, actionOf } from './secret-operation.ts'
import { ShareUse } from './use-shares.ts'

export interface CustodyNode {
  /** undefined: not a request of this protocol. */
  handle(caller: Caller, body: Uint8Array): Promise<Uint8Array | undefined>
  /** Zeroes what is no longer needed; called every so often. */
  sweep(): void
  /** Zeroes everything. */
  close(): void
}

const KEYS_PER_LIST = 1000
const NO_FIELDS = new Map<number, readonly Uint8Array[]>()

export function custodyNode(world: NodeWorld): CustodyNode {
  const { vault, clock } = world
  const held = new HeldKeys({ vault, clock, groupOf: (scheme) => groupOf(world.groups, scheme) })
  const use = new ShareUse(world)
  const changes = new ShareChanges(world, held)
  const requests = new RequestMemory()

  const dispatch = async (caller: Caller, request: CustodyRequest): Promise<Reply> => {
    const who = `${caller.role}/${caller.id}`
    const now = clock.now()
    const fresh = requests.look(who, request.requestId, request.time, now)
    if (fresh !== 'new') return { outcome: fresh }
    const asked = askedFor(request)
    if (asked === undefined) return { outcome: 'input' }
    const { keyName, operation } = asked
    const decision = world.decide({ caller, keyName, operation, now })
    const isAllowed = decision.kind === 'allowed'
    let reply: Reply = { outcome: 'refused' }
    try {
      if (isAllowed) {
        const { label } = asked
        reply = label === undefined ? await withShares(request) : withKey(who, request, label)
      }
      const result = isAllowed ? reply.outcome : decision.code
      // Whoever carries checkpoints would make new ones by it, without end.
      const isCarried = isAllowed && operation === 'checkpoint'
      if (!isCarried) world.audit.append({ caller: who, key: keyName, operation, result })
      return reply
    } catch (error) {
      world.onFault(operation, error)
      // Not in words: what fails here may have had a secret in hand. And what cannot be written down is not told.
      return { outcome: 'failed' }
    }
  }

  const withKey = (caller: string, request: CustodyRequest, label: KeyLabel): Reply => {
    const { operation, keyId, generation, fields } = request
    const found = held.find(keyId, generation)
    if (found.kind === 'not') return { outcome: found.outcome, generation: found.generation }
    if (found.held.manifest.scheme !== schemeOf(label.use)) return { outcome: 'input' }
    const asked = { caller, label, held: found.held, fields }
    if (operation === 'nonces') return use.commit(asked)
    if (operation === 'sign') return use.sign(asked)
    if (operation === 'multiply') return use.multiply(asked)
    if (operation === 'deliver') return use.deliver(asked)
    const action = actionOf(fields.get(FIELD.action)?.[0]?.[0], label.use)
    return action === undefined ? { outcome: 'input' } : use.operate(asked, action)
  }

  const withShares = async ({ operation, keyId, generation, fields }: CustodyRequest) => {
    switch (operation) {
      case 'deal':
      case 'take':
      case 'compare':
        return changes[operation](keyId, fields)
      case 'prepare':
      case 'abort':
      case 'destroy':
        return await changes[operation](keyId, fields)
      case 'commit':
      case 'delete':
        use.assembled.forget(keyId)
        return await changes[operation](keyId, fields)
      case 'prove':
        return prove(keyId, generation, fieldOf(fields, FIELD.challenge))
      case 'list':
        return list(keyId)
      case 'figures':
        return figures()
      case 'checkpoint':
        return keepCheckpoints(world, fields)
      default:
        return state(keyId)
    }
  }

  const prove = (keyId: Uint8Array, generation: number, challenge: Uint8Array): Reply => {
    const found = held.read(keyId, generation)
    if (found.kind === 'not') return { outcome: found.outcome, generation: found.generation }
    const { groups, signing, random } = world
    const proof = proveShare(groups, signing, found.held, challenge, random)
    found.held.share.fill(0)
    const { manifest } = found.held
    const fields = new Map([[FIELD.proof, [proof]]])
    return { outcome: 'done', generation: manifest.generation, fields }
  }

  const list = (after: Uint8Array): Reply => {
    const newest = new Map<string, number>()
    for (const { keyId, generation, state } of vault.list().generations) {
      const id = toHex(keyId)
      if (state !== 'prepared' && generation > (newest.get(id) ?? 0)) newest.set(id, generation)
    }
    const from = toHex(after)
    const keys = [...newest]
      .filter(([id]) => id > from)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, KEYS_PER_LIST)
      .map(([id, generation]) => {
        const octets = Buffer.alloc(20)
        octets.write(id, 'hex')
        octets.writeUInt32BE(generation, 16)
        return octets
      })
    return { outcome: 'done', fields: keys.length > 0 ? new Map([[FIELD.key, keys]]) : NO_FIELDS }
  }

  const figures = (): Reply => {
    const output = new Uint8Array(32)
    const view = new DataView(output.buffer)
    const { assembled } = use
    for (const [i, count] of [held.hits, held.misses, assembled.hits, assembled.misses].entries()) {
      view.setBigUint64(8 * i, BigInt(count))
    }
    return { outcome: 'done', fields: new Map([[FIELD.output, [output]]]) }
  }

  /** The two newest manifests that are committed, and the newest deletion. */
  const state = (keyId: Uint8Array): Reply => {
    const fields = new Map<number, readonly Uint8Array[]>()
    const generations = vault.generations(keyId)
    const committed = generations.filter((one) => one.state === 'committed').slice(-2)
    const manifests = committed.flatMap(({ generation }) => {
      const found = held.find(keyId, generation)
      return found.kind === 'held' ? [found.held.manifestBytes] : []
    })
    if (manifests.length > 0) fields.set(FIELD.manifest, manifests)
    const deletion = vault.deletion(keyId)
    if (deletion !== undefined) fields.set(FIELD.deletion, [deletion])
    const gone = deletion && readCustodyDeletion(deletion)?.value.generation
    const newest = Math.max(generations.at(-1)?.generation ?? 0, gone ?? 0)
    return { outcome: 'done', generation: newest, fields }
  }

  return {
    async handle(caller, body) {
      const request = readCustodyRequest(body)
      if (request === undefined) return undefined
      const { outcome, generation = 0, fields = NO_FIELDS } = await dispatch(caller, request)
      const { operation, requestId } = request
      return writeCustodyAnswer({ operation, outcome, requestId, generation, fields })
    },
    sweep() {
      held.sweep()
      use.assembled.sweep()
      changes.sweep()
    },
    close() {
      held.close()
      use.close()
      changes.close()
    },
  }
}

interface Asked {
  /** As access rules name it. */
  readonly keyName: string
  readonly operation: string
  readonly label: KeyLabel | undefined
}

/** Of keys in use: operations by the words of access rules. */
const USES: Readonly<Partial<Record<OperationName, readonly KeyLabel['use'][]>>> = {
  nonces: ['sign'],
  sign: ['sign'],
  multiply: ['open', 'derive'],
  use: ['encrypt', 'mac', 'sign-assembled'],
  deliver: ['encrypt', 'mac', 'sign-assembled'],
}

/** Words of access rules: what {@link askedFor} may say. */
export const NODE_OPERATIONS: ReadonlySet<string> = new Set([
  ...Object.keys(OPERATIONS).filter((name) => !(name in USES)),
  ...['sign', 'open', 'derive', 'deliver', ...ACTIONS],
])

/** undefined for a label that is not this key's, or of a key for something else. */
function askedFor({ operation, keyId, fields }: CustodyRequest): Asked | undefined {
  const uses = USES[operation]
  if (uses === undefined) return { keyName: toHex(keyId), operation, label: undefined }
  const bytes = fieldOf(fields, FIELD.label)
  const label = readKeyLabel(bytes)
  if (label === undefined || !uses.includes(label.use)) return undefined
  if (!isSameOctets(keyIdOf(bytes), keyId)) return undefined
  const { name: keyName, use } = label
  if (operation === 'use') {
    const action = actionOf(fields.get(FIELD.action)?.[0]?.[0], use)
    return action === undefined ? undefined : { keyName, operation: action, label }
  }
  return { keyName, operation: operation === 'deliver' ? operation : use, label }
}
