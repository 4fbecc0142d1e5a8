/**
 * {@link ShareVault} in a folder: one file per key and generation, LSH1 (sealed) and LCM1 behind one another, named
 * `KEY.GENERATION.STATE` in hex. The state is a letter, so a change of it is a change of name: at once, or not at all.
 *
 * | | |
 * |---|---|
 * | `t` | being written; removed at the next start |
 * | `p` | prepared: the signature is zeroes, which committing overwrites in place, so that it needs no room |
 * | `c` | committed |
 * | `d` | being destroyed: overwritten, then removed, at the next start if need be |
 * | `g` | gone: the key was deleted (LCD1); generations up to this one are destroyed, at the next start if need be |
 *
 * Manifests are in memory; a share is read and opened each time it is asked for, so damage shows. One process at a time.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromHex, toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { isSecretOf, isShareOf } from '../../keys/custody/held-share.ts'
import {
  type DamagedRecord,
  GENERATIONS_MAX,
  type HeldShare,
  type ShareVault,
  type VaultEntry,
  type VaultGeneration,
} from '../../ports/share-vault.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import { readCustodyDeletion } from '../../wire/custody-deletion.ts'
import { readCustodyManifest } from '../../wire/custody-manifest.ts'
import { readShareRecord, type ShareHeader, type ShareRecord } from '../../wire/share-record.ts'
import { flushFolder, makePrivateFolder } from './private-file.ts'
import { type VaultDisk, vaultDisk } from './vault-disk.ts'
import { openVaultSeal, type VaultSeal } from './vault-seal.ts'

export interface ShareVaultOptions {
  /** Of this node alone. */
  readonly folder: string
  /** 16 octets. */
  readonly node: Uint8Array
  readonly wrapping: WrappingKey
  readonly random: Random
  readonly disk?: VaultDisk
}

type Phase = 't' | 'p' | 'c' | 'd' | 'g'

interface Kept {
  readonly file: string
  readonly key: string
  readonly generation: number
  readonly phase: Phase
  /** Of a file that could be read; of `g` the deletion. */
  readonly manifest: Uint8Array | undefined
}

interface Read {
  readonly record: ShareRecord
  readonly manifest: Uint8Array
}

const KEYSTORE_FILE = 'keystore'
const SHARES_FOLDER = 'shares'
const NAME = /^([0-9a-f]{32})\.([0-9a-f]{8})\.([tpcdg])$/
const SIGNATURE_BYTES = 64
const HEAD_BYTES = 80
/** No room; of the file system, of a quota, of a limit on files. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Finishes what a crash has left undone. @throws LimenError `vault-key`, `vault-unwritable`; those of the wrapping key */
export async function openShareVault(options: ShareVaultOptions): Promise<ShareVault> {
  const shares = join(options.folder, SHARES_FOLDER)
  if (!existsSync(shares)) makeFolders(shares)
  const isNew = !readdirSync(shares).some((name) => NAME.test(name))
  const keystore = join(options.folder, KEYSTORE_FILE)
  const seal = await openVaultSeal(keystore, options.wrapping, options.random, isNew)
  const vault = new FolderVault(options, shares, seal)
  await vault.clear()
  return vault
}

function makeFolders(shares: string): void {
  try {
    makePrivateFolder(shares)
    const folder = dirname(shares)
    for (const one of [folder, dirname(folder)]) flushFolder(one)
  } catch (error) {
    throw diskError(error)
  }
}

class FolderVault implements ShareVault {
  readonly #options: ShareVaultOptions
  readonly #folder: string
  readonly #seal: VaultSeal
  readonly #disk: VaultDisk
  /** By key, then by file. */
  #kept = new Map<string, Map<string, Kept>>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ShareVaultOptions, folder: string, seal: VaultSeal) {
    this.#options = options
    this.#folder = folder
    this.#seal = seal
    this.#disk = options.disk ?? vaultDisk()
  }

  /** What was being written or destroyed when the process ended. */
  clear(): Promise<void> {
    return this.#inTurn(async () => {
      this.#look()
      for (const one of this.#all()) {
        if (one.phase === 't' || one.phase === 'd') await this.#wipe(one.file)
      }
      for (const one of this.#all()) {
        if (one.phase === 'g') await this.#destroyUpTo(one.key, one.generation)
      }
    })
  }

  prepare(manifest: Uint8Array, { header, secret }: HeldShare): Promise<void> {
    const unsigned = joinOctets(manifest, new Uint8Array(SIGNATURE_BYTES))
    const { node, wrapping } = this.#options
    const whole: ShareHeader = { ...header, node, wrappingKey: wrapping.reference }
    const stated = readCustodyManifest(unsigned)?.manifest
    if (stated === undefined || !isShareOf(stated, whole) || !isSecretOf(whole, secret)) {
      return Promise.reject(failed('vault-mismatch', 'The manifest gives this node another share'))
    }
    // Sealed now: the caller may zero the secret as soon as this returns.
    const bytes = joinOctets(this.#seal.seal(whole, secret), unsigned)
    const key = toHex(header.keyId)
    const { generation } = header
    return this.#inTurn(async () => {
      const kept = this.#of(key)
      const newest = Math.max(
        0,
        ...kept.flatMap((one) => (one.phase === 'c' ? one.generation : [])),
        this.#gone(key)?.generation ?? 0,
      )
      const others = kept.filter((one) => one.generation !== generation).length
      if (generation <= newest) {
        throw failed('vault-state', `Generation ${generation} of ${key} is not a new one`)
      }
      if (others >= GENERATIONS_MAX) {
        throw failed('vault-state', `${others} generations of ${key} are kept: destroy old ones`)
      }
      const written = nameOf(key, generation, 't')
      try {
        await this.#disk.write(this.#path(written), bytes)
        await this.#rename(written, nameOf(key, generation, 'p'))
      } catch (error) {
        await this.#disk.remove(this.#path(written)).catch(() => undefined)
        throw error
      }
      this.#keep(nameOf(key, generation, 'p'), unsigned)
    })
  }

  commit(signedManifest: Uint8Array): Promise<void> {
    const signed = readCustodyManifest(signedManifest)
    if (signed === undefined) return Promise.reject(failed('vault-mismatch', 'That is no manifest'))
    const { keyId, generation } = signed.manifest
    const key = toHex(keyId)
    return this.#inTurn(async () => {
      const done = nameOf(key, generation, 'c')
      const prepared = nameOf(key, generation, 'p')
      const found = this.#named(done) ?? this.#named(prepared)
      if (found === undefined) {
        throw failed('vault-state', `Generation ${generation} of ${key} is not prepared`)
      }
      const { manifest } = this.#read(found)
      if (!startsWith(manifest, signed.signed)) {
        throw failed('vault-mismatch', `Generation ${generation} of ${key} was prepared otherwise`)
      }
      if (found.phase === 'c') return
      const path = this.#path(prepared)
      const at = statSync(path).size - SIGNATURE_BYTES
      await this.#disk.overwrite(path, at, signed.signature)
      await this.#rename(prepared, done)
      this.#forget(prepared)
      this.#keep(done, new Uint8Array(signedManifest))
    })
  }

  abort(keyId: Uint8Array, generation: number): Promise<void> {
    const key = toHex(keyId)
    return this.#inTurn(async () => {
      if (this.#named(nameOf(key, generation, 'c')) !== undefined) {
        throw failed('vault-state', `Generation ${generation} of ${key} is committed`)
      }
      await this.#destroy(nameOf(key, generation, 'p'))
    })
  }

  destroy(keyId: Uint8Array, generation: number): Promise<void> {
    const key = toHex(keyId)
    return this.#inTurn(async () => {
      await this.#destroy(nameOf(key, generation, 'p'))
      await this.#destroy(nameOf(key, generation, 'c'))
    })
  }

  delete(deletion: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(deletion)
    const read = readCustodyDeletion(bytes)
    if (read === undefined) return Promise.reject(failed('vault-mismatch', 'That is no deletion'))
    const { generation } = read.value
    const key = toHex(read.value.keyId)
    return this.#inTurn(async () => {
      if (generation > (this.#gone(key)?.generation ?? -1)) {
        const written = nameOf(key, generation, 't')
        const done = nameOf(key, generation, 'g')
        try {
          await this.#disk.write(this.#path(written), bytes)
          await this.#rename(written, done)
        } catch (error) {
          await this.#disk.remove(this.#path(written)).catch(() => undefined)
          throw error
        }
        this.#keep(done)
      }
      await this.#destroyUpTo(key, generation)
    })
  }

  deletion(keyId: Uint8Array): Uint8Array | undefined {
    return this.#gone(toHex(keyId))?.manifest?.slice()
  }

  current(keyId: Uint8Array): VaultEntry | undefined {
    const newest = this.#of(toHex(keyId)).findLast(({ phase }) => phase === 'c')
    return newest === undefined ? undefined : this.#entry(newest)
  }

  committed(keyId: Uint8Array, generation: number): VaultEntry | undefined {
    const kept = this.#named(nameOf(toHex(keyId), generation, 'c'))
    return kept === undefined ? undefined : this.#entry(kept)
  }

  generations(keyId: Uint8Array): readonly VaultGeneration[] {
    return this.#of(toHex(keyId)).map((kept) => this.#stateOf(kept).generation)
  }

  list() {
    this.#look()
    const all = this.#all().sort(byAge)
    const states = all.flatMap((kept) => (kept.phase === 'g' ? [] : this.#stateOf(kept)))
    const unread = all.filter(({ phase, manifest }) => phase === 'g' && manifest === undefined)
    const strangers = readdirSync(this.#folder).filter((name) => !NAME.test(name))
    return {
      generations: states.map(({ generation }) => generation),
      damaged: [
        ...states.flatMap(({ damage }) => (damage === undefined ? [] : [damage])),
        ...unread.map(
          ({ file, key, generation }): DamagedRecord => ({
            ...{ file, code: 'format', keyId: fromHex(key), generation },
          }),
        ),
        ...strangers.map(
          (file): DamagedRecord => ({
            ...{ file, code: 'format', keyId: undefined, generation: undefined },
          }),
        ),
      ],
    }
  }

  close(): void {
    this.#seal.close()
  }

  #entry(kept: Kept): VaultEntry {
    const manifest = kept.manifest ?? this.#read(kept).manifest
    return { manifest: new Uint8Array(manifest), open: () => this.#open(kept) }
  }

  #open(kept: Kept): HeldShare {
    const { record } = this.#read(kept)
    const secret = this.#seal.open(record)
    if (secret === undefined) throw damaged({ file: kept.file, code: 'seal' })
    const { scheme, keyId, generation, holders, threshold, point } = record
    return { header: { scheme, keyId, generation, holders, threshold, point }, secret }
  }

  /** @throws LimenError `vault-record` */
  #read(kept: Kept): Read {
    const read = this.#tryRead(kept)
    if (typeof read === 'string') throw damaged({ file: kept.file, code: read })
    return read
  }

  #tryRead({ file, key, generation }: Kept): Read | 'format' | 'mismatch' {
    let bytes: Uint8Array
    try {
      bytes = new Uint8Array(readFileSync(this.#path(file)))
    } catch {
      return 'format'
    }
    if (bytes.length < HEAD_BYTES) return 'format'
    const end = HEAD_BYTES + new DataView(bytes.buffer).getUint32(HEAD_BYTES - 4)
    const record = readShareRecord(bytes.subarray(0, end))
    const manifest = bytes.subarray(end)
    const stated = readCustodyManifest(manifest)?.manifest
    if (record === undefined || stated === undefined) return 'format'
    const { node, wrapping } = this.#options
    const isOwn =
      isShareOf(stated, { ...record, node }) &&
      Buffer.compare(record.node, node) === 0 &&
      Buffer.compare(record.wrappingKey, wrapping.reference) === 0 &&
      toHex(record.keyId) === key &&
      record.generation === generation
    return isOwn ? { record, manifest } : 'mismatch'
  }

  #readDeletion({ file, key, generation }: Kept): Uint8Array | undefined {
    try {
      const bytes = new Uint8Array(readFileSync(this.#path(file)))
      const read = readCustodyDeletion(bytes)?.value
      const isOwn = read !== undefined && toHex(read.keyId) === key
      return isOwn && read.generation === generation ? bytes : undefined
    } catch {
      return undefined
    }
  }

  #stateOf(kept: Kept): { generation: VaultGeneration; damage: DamagedRecord | undefined } {
    const { file, generation } = kept
    const keyId = fromHex(kept.key)
    const read = this.#tryRead(kept)
    let code: DamagedRecord['code'] | undefined = typeof read === 'string' ? read : undefined
    if (typeof read !== 'string') {
      const secret = this.#seal.open(read.record)
      if (secret === undefined) code = 'seal'
      else secret.fill(0)
    }
    const sound = kept.phase === 'c' ? 'committed' : 'prepared'
    return {
      generation: { keyId, generation, state: code === undefined ? sound : 'damaged' },
      damage: code === undefined ? undefined : { file, code, keyId, generation },
    }
  }

  /** Of a key that was deleted: its shares, and what said so before. */
  async #destroyUpTo(key: string, generation: number): Promise<void> {
    for (const kept of [...(this.#kept.get(key)?.values() ?? [])]) {
      if (kept.generation > generation) continue
      if (kept.phase === 'p' || kept.phase === 'c') await this.#destroy(kept.file)
      if (kept.phase === 'g' && kept.generation < generation) await this.#wipe(kept.file)
    }
  }

  /** The newest deletion. */
  #gone(key: string): Kept | undefined {
    const all = [...(this.#kept.get(key)?.values() ?? [])].sort(byAge)
    return all.findLast(({ phase }) => phase === 'g')
  }

  /** Out of the way by name first, so that no crash leaves half a share behind a good name. */
  async #destroy(file: string): Promise<void> {
    const kept = this.#named(file)
    if (kept === undefined) return
    const doomed = nameOf(kept.key, kept.generation, 'd')
    await this.#rename(file, doomed)
    this.#forget(file)
    await this.#wipe(doomed)
  }

  async #wipe(file: string): Promise<void> {
    const path = this.#path(file)
    await this.#disk.overwrite(path, 0, new Uint8Array(statSync(path).size))
    await this.#disk.remove(path)
    await this.#disk.flushFolder(this.#folder)
    this.#forget(file)
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#disk.rename(this.#path(from), this.#path(to))
    await this.#disk.flushFolder(this.#folder)
  }

  /** One change at a time. After one that failed, what is there is looked at again: it may have happened all the same. */
  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(act).catch((error: unknown) => {
      if (error instanceof LimenError) throw error
      this.#look()
      throw diskError(error)
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #look(): void {
    this.#kept = new Map()
    for (const name of readdirSync(this.#folder)) this.#keep(name)
  }

  #keep(file: string, known?: Uint8Array): void {
    const [, key, generation, phase] = NAME.exec(file) ?? []
    if (key === undefined || generation === undefined) return
    const kept: Kept = {
      ...{ file, key, generation: Number.parseInt(generation, 16) },
      ...{ phase: phase as Phase, manifest: known },
    }
    const read = known === undefined && phase !== 'g' ? this.#tryRead(kept) : undefined
    const deletion = phase === 'g' ? this.#readDeletion(kept) : known
    const manifest = typeof read === 'object' ? new Uint8Array(read.manifest) : deletion
    const files = this.#kept.get(key) ?? new Map<string, Kept>()
    this.#kept.set(key, files.set(file, { ...kept, manifest }))
  }

  #forget(file: string): void {
    const key = keyOf(file)
    const files = this.#kept.get(key)
    files?.delete(file)
    if (files?.size === 0) this.#kept.delete(key)
  }

  #named(file: string): Kept | undefined {
    return this.#kept.get(keyOf(file))?.get(file)
  }

  #all(): Kept[] {
    return [...this.#kept.values()].flatMap((files) => [...files.values()])
  }

  /** The oldest first; not what is on its way in or out. */
  #of(key: string): Kept[] {
    return [...(this.#kept.get(key)?.values() ?? [])]
      .filter(({ phase }) => phase === 'p' || phase === 'c')
      .sort(byAge)
  }

  #path(file: string): string {
    return join(this.#folder, file)
  }
}

function nameOf(key: string, generation: number, phase: Phase): string {
  return `${key}.${generation.toString(16).padStart(8, '0')}.${phase}`
}

function keyOf(file: string): string {
  return file.slice(0, file.indexOf('.'))
}

function byAge(a: Kept, b: Kept): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1
  return a.generation - b.generation
}

function startsWith(whole: Uint8Array, start: Uint8Array): boolean {
  return start.every((octet, i) => octet === whole[i])
}

function diskError(cause: unknown): LimenError {
  const { code } = cause as NodeJS.ErrnoException
  const isFull = code !== undefined && FULL.has(code)
  const message = isFull ? 'No room for a share' : `Cannot write to the vault: ${code ?? cause}`
  const details = { side: 'operator', retry: true, cause } as const
  return new LimenError(isFull ? 'vault-full' : 'vault-unwritable', message, details)
}

function damaged({ file, code }: Pick<DamagedRecord, 'file' | 'code'>): LimenError {
  return failed('vault-record', `The share ${file} does not open: ${code}`)
}

function failed(code: string, message: string): LimenError {
  return new LimenError(code, message, { side: 'limen', retry: false })
}
