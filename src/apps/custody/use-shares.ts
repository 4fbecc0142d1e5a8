/**
 * What a custody node does with its shares: its part of signatures and products, and whole operations with a secret of octets that
 * it puts together of other holders' shares.
 *
 * @module
 */

import { isSameOctets } from '../../crypto/prime-group.ts'
import { multiplyPartially } from '../../crypto/threshold-dh.ts'
import { toHex } from '../../ground/hex.ts'
import { joinOctets } from '../../ground/octets.ts'
import type { KeyLabel } from '../../keys/custody/key-label.ts'
import { combineOctets, type OctetShare } from '../../keys/custody/octet-shares.ts'
import {
  DERIVE_CONTEXT,
  elementToDerive,
  elementToOpen,
  OPEN_CONTEXT,
} from '../../keys/custody/threshold-keys.ts'
import { FIELD, type Fields, fieldOf } from '../../wire/custody-message.ts'
import { readNodeCard } from '../../wire/custody-plan.ts'
import { SALT_BYTES } from '../../wire/share-record.ts'
import { AssembledKeys } from './assembled-keys.ts'
import type { HeldKey } from './held-keys.ts'
import { isSignedBy, type NodeWorld, type Reply } from './node-world.ts'
import { NoncePool } from './nonce-pool.ts'
import { openShare, type ShareErrand, sealShare } from './sealed-shares.ts'
import { operate, type SecretAction } from './secret-operation.ts'

export interface UseRequest {
  /** Role and id. */
  readonly caller: string
  readonly label: KeyLabel
  readonly held: HeldKey
  readonly fields: Fields
}

const POINT_BYTES = 1
const COMMITMENT_BYTES = 32

export class ShareUse {
  readonly assembled: AssembledKeys
  readonly #world: NodeWorld
  readonly #nonces: NoncePool

  constructor(world: NodeWorld) {
    this.#world = world
    this.#nonces = new NoncePool(world.groups.ed25519, world.random)
    this.assembled = new AssembledKeys(world.clock, world.random)
  }

  /** FROST, round one. */
  commit({ caller, held }: UseRequest): Reply {
    const commitments = this.#nonces
      .commit(ownerOf(caller, held), held)
      .map(({ hiding, binding }) => joinOctets(hiding, binding))
    return done(held, new Map([[FIELD.commitment, commitments]]))
  }

  /** FROST, round two. */
  sign({ caller, held, fields }: UseRequest): Reply {
    const commitments = (fields.get(FIELD.commitment) ?? []).map((octets) => ({
      point: octets[0] ?? 0,
      hiding: octets.subarray(POINT_BYTES, POINT_BYTES + COMMITMENT_BYTES),
      binding: octets.subarray(POINT_BYTES + COMMITMENT_BYTES),
    }))
    const own = commitments.find(({ point }) => point === held.point)
    const nonces = own && this.#nonces.take(ownerOf(caller, held), own)
    if (nonces === undefined) return not(held, 'nonces')
    const isHeld = (point: number): boolean =>
      held.manifest.holders.some((holder) => holder.point === point)
    if (!commitments.every(({ point }) => isHeld(point))) return not(held, 'nonces')
    try {
      const input = fieldOf(fields, FIELD.input)
      const share = nonces.sign(this.#world.groups.ed25519, held.key, held, commitments, input)
      return done(held, new Map([[FIELD.share, [share]]]))
    } catch (error) {
      // Commitments that do not ascend, too few, to nothing, or no elements: the fault of one signer, not of what is to be signed.
      if (error instanceof RangeError) return not(held, 'nonces')
      throw error
    }
  }

  /** Share x element. */
  multiply({ held, label, fields }: UseRequest): Reply {
    const { groups, random } = this.#world
    const group = groups.ristretto255
    const input = fieldOf(fields, FIELD.input)
    const derives = label.use === 'derive'
    const element = derives ? elementToDerive(group, input) : elementToOpen(group, input)
    if (element === undefined) return not(held, 'input')
    const context = derives ? DERIVE_CONTEXT : OPEN_CONTEXT
    const part = multiplyPartially(group, context, held, element, random)
    if (part === undefined) return not(held, 'input')
    const { product, proof } = part
    return done(
      held,
      new Map([
        [FIELD.share, [product]],
        [FIELD.proof, [proof]],
      ]),
    )
  }

  /** This node's share, for the node that puts the secret together: one of the key's holders. */
  deliver({ held, fields }: UseRequest): Reply {
    const { identity, random } = this.#world
    const card = readNodeCard(fieldOf(fields, FIELD.card))
    if (card === undefined || !isSignedBy(identity, 'card', card)) return not(held, 'state')
    const { manifest } = held
    const isHolder = manifest.holders.some(({ node }) => isSameOctets(node, card.value.node))
    if (!isHolder) return not(held, 'state')
    const errand = errandOf(held, held.point, fieldOf(fields, FIELD.session))
    const plain = joinOctets(held.share, held.salt)
    const sealed = sealShare(card.value, errand, plain, random)
    plain.fill(0)
    return done(held, new Map([[FIELD.sealed, [sealed]]]))
  }

  /** The whole operation, here; asks for shares first when the secret is not at hand. */
  operate(request: UseRequest, action: SecretAction): Reply {
    const { held, fields, caller } = request
    const { keyId, generation } = held.manifest
    let secret = this.assembled.get(keyId, generation)
    if (secret === undefined) {
      const [session] = fields.get(FIELD.session) ?? []
      if (session === undefined) return this.#askForShares(request)
      if (!this.assembled.end(session, keyId, generation, caller))
        return this.#askForShares(request)
      const put = this.#assemble(held, session, fields.get(FIELD.sealed) ?? [])
      if (put.kind === 'refused') {
        const points = put.points.map((point) => Uint8Array.of(point))
        return { outcome: 'inconsistent', generation, fields: new Map([[FIELD.point, points]]) }
      }
      secret = put.secret
      this.assembled.put(keyId, generation, secret)
    }
    const [aad = new Uint8Array()] = fields.get(FIELD.aad) ?? []
    const input = { keyId, input: fieldOf(fields, FIELD.input), aad }
    const output = operate(action, secret, input, this.#world.random)
    if (output === undefined) return not(held, 'input')
    return done(held, new Map([[FIELD.output, [output]]]))
  }

  close(): void {
    this.assembled.close()
  }

  #askForShares({ held, caller }: UseRequest): Reply {
    const { keyId, generation } = held.manifest
    const session = this.assembled.begin(keyId, generation, caller)
    if (session === undefined) return not(held, 'busy')
    const fields = new Map([[FIELD.session, [session]]])
    return { outcome: 'not-assembled', generation, fields }
  }

  #assemble(held: HeldKey, session: Uint8Array, sealed: readonly Uint8Array[]) {
    const { sealing, node } = this.#world
    const { manifest } = held
    const { generation } = manifest
    const own: OctetShare = { generation, share: held.share, salt: held.salt }
    const shares = [own]
    const unopened: number[] = []
    for (const each of sealed) {
      const from = each[0] ?? 0
      const errand = errandOf(held, from, session)
      const plain = openShare(sealing, node, errand, each.subarray(1))
      if (plain === undefined) unopened.push(from)
      else shares.push(splitShare(generation, plain))
    }
    const combined =
      unopened.length > 0
        ? ({ kind: 'refused', code: 'share-commit', points: unopened } as const)
        : combineOctets(manifest, shares)
    for (const { share, salt } of shares.slice(1)) {
      share.fill(0)
      salt.fill(0)
    }
    return combined
  }
}

/** As it goes sealed from node to node, and as a vault keeps it: share | salt. */
export function splitShare(generation: number, plain: Uint8Array): OctetShare {
  const end = Math.max(0, plain.length - SALT_BYTES)
  return { generation, share: plain.subarray(0, end), salt: plain.subarray(end) }
}

function errandOf({ manifest }: HeldKey, from: number, attempt: Uint8Array): ShareErrand {
  const { keyId, generation } = manifest
  return { purpose: 'assemble', keyId, generation, from, attempt }
}

function ownerOf(caller: string, { manifest }: HeldKey): string {
  return `${caller} ${toHex(manifest.keyId)} ${manifest.generation}`
}

function done({ manifest }: HeldKey, fields: Fields): Reply {
  return { outcome: 'done', generation: manifest.generation, fields }
}

function not({ manifest }: HeldKey, outcome: Reply['outcome']): Reply {
  return { outcome, generation: manifest.generation }
}
