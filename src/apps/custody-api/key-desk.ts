/**
 * Makes keys of the operations API, and changes them: the shares first, then the record in the catalogue, which is what counts. Changes of
 * one key go one after the other; whoever shares the catalogue and was faster, wins.
 *
 * @module
 */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { KeyCatalogue } from '../../adapters/node/key-catalogue.ts'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import type { Random } from '../../ground/random.ts'
import {
  type CataloguedKey,
  configured,
  deleted,
  type KeyChange,
  type KeySettings,
  type KeyVersion,
  labelOf,
  latestOf,
  newKey,
  rotated,
  trimmed,
} from '../../keys/custody/catalogued-key.ts'
import { keyRecordToSign } from '../../keys/custody/key-record.ts'
import { type KeyType, makingOf } from '../../keys/custody/key-type.ts'
import type { Holding, ShareDriver } from '../custody/drive-change.ts'
import { done, type Outcome, refusalOf, refused } from './outcome.ts'
import type { ShareDeletions } from './share-deletions.ts'

export interface KeyDeskOptions {
  readonly catalogue: KeyCatalogue
  readonly random: Random
  readonly clock: Clock
  /** undefined: this coordinator uses keys, and changes none. */
  readonly maker: KeyMaker | undefined
  /** Of the operator: what fails at the nodes, and where. */
  tell(text: string): void
}

export interface KeyMaker {
  /** Takes the shares of forgotten versions away from the nodes. */
  readonly deletions: Pick<ShareDeletions, 'announce' | 'withdraw' | 'run'>
  readonly driver: Pick<ShareDriver, 'make' | 'bring'>
  readonly holding: Holding
  /** Ed25519 by the cluster's identity. */
  sign(octets: Uint8Array): Promise<Uint8Array>
}

export interface MadeKey {
  readonly key: CataloguedKey
  /** False: it was there, and stays as it is. */
  readonly isNew: boolean
}

/** At once, over all keys; a key of RSA-4096 takes seconds of a core. */
const CHANGES_MAX = 8
const MARK_BYTES = 8
const SECRET_BYTES = 32
const makePair = promisify(generateKeyPair)

export class KeyDesk {
  readonly #options: KeyDeskOptions
  /** The last change of each key. */
  readonly #changing = new Map<string, Promise<unknown>>()
  #changes = 0

  constructor(options: KeyDeskOptions) {
    this.#options = options
  }

  /** undefined: there is none, or it is deleted. */
  find(name: string): CataloguedKey | undefined {
    const key = this.#options.catalogue.get(name)
    return key?.isDeleted === false ? key : undefined
  }

  names(): string[] {
    return this.#options.catalogue.names()
  }

  async make(name: string, type: KeyType, isDerived: boolean): Promise<Outcome<MadeKey>> {
    return await this.#inTurn<MadeKey>(name, async (maker) => {
      const there = this.find(name)
      if (there !== undefined) return done({ key: there, isNew: false })
      const serial = (this.#options.catalogue.get(name)?.serial ?? 0) + 1
      const first = await this.#newVersion(maker, name, type, 1)
      const key = newKey(name, type, isDerived, first, serial)
      const kept = await this.#keep(maker, key)
      return kept.kind === 'refused' ? kept : done({ key, isNew: true })
    })
  }

  async rotate(name: string): Promise<Outcome<CataloguedKey>> {
    return await this.#change(name, async (key, maker) => {
      const next = await this.#newVersion(maker, name, key.type, latestOf(key) + 1)
      return rotated(key, next)
    })
  }

  async configure(name: string, settings: KeySettings): Promise<Outcome<CataloguedKey>> {
    return await this.#change(name, (key) => configured(key, settings))
  }

  async trim(name: string, minAvailable: number): Promise<Outcome<CataloguedKey>> {
    return await this.#change(name, (key) => trimmed(key, minAvailable))
  }

  async delete(name: string): Promise<Outcome<CataloguedKey>> {
    return await this.#change(name, deleted)
  }

  async #change(
    name: string,
    change: (key: CataloguedKey, maker: KeyMaker) => KeyChange | Promise<KeyChange>,
  ): Promise<Outcome<CataloguedKey>> {
    return await this.#inTurn(name, async (maker) => {
      const key = this.find(name)
      if (key === undefined) return refused(400, `no existing key named ${name} could be found`)
      const changed = await change(key, maker)
      if (changed.kind === 'refused') return refused(400, changed.why)
      const kept = new Set(changed.key.versions.map(({ mark }) => mark))
      const forgotten = key.versions.filter(({ mark }) => !kept.has(mark))
      if (forgotten.length === 0) return await this.#keep(maker, changed.key)
      const { type } = key
      const gone = forgotten.map(({ version, mark }) => ({ name, type, version, mark }))
      maker.deletions.announce(gone)
      const outcome = await this.#keep(maker, changed.key)
      if (outcome.kind === 'refused') maker.deletions.withdraw(gone)
      // Nobody waits for it: no coordinator can name these shares any more.
      else void maker.deletions.run()
      return outcome
    })
  }

  async #keep(maker: KeyMaker, key: CataloguedKey): Promise<Outcome<CataloguedKey>> {
    const signature = await maker.sign(keyRecordToSign(key))
    if (await this.#options.catalogue.put(key, signature)) return done(key)
    return refused(409, `key ${key.name} was changed by somebody else meanwhile`)
  }

  async #inTurn<T>(
    name: string,
    act: (maker: KeyMaker) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const { maker } = this.#options
    if (maker === undefined) return refused(403, 'keys are not changed here')
    if (this.#changes >= CHANGES_MAX) return refused(503, 'too many keys are being changed')
    this.#changes += 1
    const before = this.#changing.get(name) ?? Promise.resolve()
    const turn = before
      .then(() => act(maker))
      .catch((error) => refusalOf(error, this.#options.tell))
    const settled = turn.catch(() => undefined)
    this.#changing.set(name, settled)
    try {
      return await turn
    } finally {
      this.#changes -= 1
      if (this.#changing.get(name) === settled) this.#changing.delete(name)
    }
  }

  async #newVersion(
    { driver, holding }: KeyMaker,
    name: string,
    type: KeyType,
    version: number,
  ): Promise<KeyVersion> {
    const { random, clock } = this.#options
    const mark = toHex(random.bytes(MARK_BYTES))
    const made = { version, createdAt: clock.now(), mark }
    const label = labelOf({ name, type }, made)
    if (makingOf(type) === 'together') {
      const { publicKey } = await driver.make(label, holding)
      return { ...made, publicKey: type === 'derive' ? NOTHING : (publicKey ?? NOTHING) }
    }
    const { secret, publicKey } = await newSecret(type, random)
    try {
      await driver.bring(label, secret, holding)
    } finally {
      secret.fill(0)
    }
    return { ...made, publicKey }
  }
}

const NOTHING = new Uint8Array()

interface NewSecret {
  readonly secret: Uint8Array
  readonly publicKey: Uint8Array
}

/** @param type of those that are dealt */
async function newSecret(type: KeyType, random: Random): Promise<NewSecret> {
  const encoding = {
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
    publicKeyEncoding: { format: 'der', type: 'spki' },
  } as const
  if (type === 'ecdsa-p256') {
    return octetsOf(await makePair('ec', { namedCurve: 'P-256', ...encoding }))
  }
  if (type === 'rsa-2048' || type === 'rsa-4096') {
    const modulusLength = type === 'rsa-2048' ? 2048 : 4096
    return octetsOf(await makePair('rsa', { modulusLength, ...encoding }))
  }
  return { secret: random.bytes(SECRET_BYTES), publicKey: NOTHING }
}

/** The private key as it is, so that there is one to zero; no Buffer, of which a slice is no copy. */
function octetsOf(pair: { readonly privateKey: Buffer; readonly publicKey: Buffer }): NewSecret {
  const { buffer, byteOffset, length } = pair.privateKey
  return {
    secret: new Uint8Array(buffer, byteOffset, length),
    publicKey: new Uint8Array(pair.publicKey),
  }
}
