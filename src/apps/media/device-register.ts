/**
 * Which devices and transports there are: invited by a one-time code, enrolled with a key of their own, revoked; and which epochs each
 * device was given. A file for each, written whole. Nothing secret: of codes only hashes.
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import {
  makePrivateFolder,
  readPrivateFile,
  writePrivateFile,
} from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { isMediaParty } from '../../wire/media-key-message.ts'
import type { PartyKind } from '../../wire/media-topic.ts'

export type PartyState = 'invited' | 'enrolled' | 'revoked'

export interface PartyEntry {
  readonly party: string
  readonly kind: PartyKind
  readonly state: PartyState
  /** Milliseconds since 1970: of the state. */
  readonly since: number
  /** SHA-256 of the code, hex; good for {@link CODE_MS}. */
  readonly code?: string | undefined
  /** X25519, 32 octets, base64url. */
  readonly publicKey?: string | undefined
  /** Of a device: the newest that were issued, ascending. */
  readonly epochs: readonly number[]
  /** Of a device that is enrolled: it gets no key until an operator says so. */
  readonly isQuarantined?: true | undefined
}

/** Long enough to walk to a camera. */
export const CODE_MS = 3_600_000
const CODE_BYTES = 16
/** As many as a rotation may leave behind. */
const EPOCHS_KEPT = 16
/** Devices and transports. */
const PARTIES_MAX = 10_000
const SUFFIX = '.json'

const ENTRY = z.strictObject({
  party: z.string().refine(isMediaParty),
  kind: z.enum(['device', 'transport']),
  state: z.enum(['invited', 'enrolled', 'revoked']),
  since: z.int().nonnegative(),
  code: z
    .string()
    .regex(/^[\da-f]{64}$/)
    .optional(),
  publicKey: z
    .string()
    .regex(/^[\w-]{43}$/)
    .optional(),
  epochs: z.array(z.int().min(1).max(0xffff_ffff)).max(EPOCHS_KEPT),
  isQuarantined: z.literal(true).optional(),
})

export class DeviceRegister {
  readonly #folder: string
  readonly #now: () => number
  readonly #entries = new Map<string, PartyEntry>()
  #epoch = 0

  /** @throws LimenError `devices.register` for a file that Limen did not write */
  constructor(folder: string, now: () => number) {
    this.#folder = folder
    this.#now = now
    makePrivateFolder(folder)
    for (const file of readdirSync(folder)) {
      if (!file.endsWith(SUFFIX)) continue
      const entry = readEntry(join(folder, file))
      this.#entries.set(entry.party, entry)
      this.#epoch = Math.max(this.#epoch, ...entry.epochs)
    }
  }

  get(party: string): PartyEntry | undefined {
    return this.#entries.get(party)
  }

  all(): readonly PartyEntry[] {
    return [...this.#entries.values()]
  }

  enrolled(kind: PartyKind): readonly string[] {
    const wanted = this.all().filter((one) => one.kind === kind && one.state === 'enrolled')
    return wanted.map(({ party }) => party)
  }

  /** A one-time code. @throws LimenError `devices.exists`, `devices.full`, or what the disk says */
  invite(party: string, kind: PartyKind): string {
    const known = this.#entries.get(party)
    if (known?.state === 'enrolled' || (known !== undefined && known.kind !== kind)) {
      throw refused('devices.exists', `There is a ${known.kind} ${party} already: revoke it first`)
    }
    if (known === undefined && this.#entries.size >= PARTIES_MAX) {
      throw refused('devices.full', `There are ${PARTIES_MAX} devices and transports already`)
    }
    const secret = randomBytes(CODE_BYTES).toString('base64url')
    const code = hashOf(secret)
    const epochs = known?.epochs ?? []
    this.#put({ party, kind, state: 'invited', since: this.#now(), code, epochs })
    return secret
  }

  /** Undefined for a code that is wrong, used or old. @throws what the disk says: then the code is still good */
  enrol(party: string, secret: string, publicKey: Uint8Array): PartyEntry | undefined {
    const known = this.#entries.get(party)
    if (known?.state !== 'invited' || known.code === undefined) return undefined
    const isRight = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(known.code))
    if (!isRight || this.#now() - known.since > CODE_MS) return undefined
    const { kind, epochs } = known
    const entry: PartyEntry = {
      ...{ party, kind, state: 'enrolled', since: this.#now(), epochs },
      publicKey: Buffer.from(publicKey).toString('base64url'),
    }
    this.#put(entry)
    return entry
  }

  /** In memory even when the disk does not take it. @throws what the disk says */
  revoke(party: string): void {
    const known = this.#entries.get(party)
    if (known === undefined) return
    const { kind, epochs } = known
    const entry: PartyEntry = { party, kind, state: 'revoked', since: this.#now(), epochs }
    this.#entries.set(party, entry)
    this.#put(entry)
  }

  /** Of one that is enrolled. In memory even when the disk does not take it. @throws what the disk says */
  quarantine(party: string, isQuarantined: boolean): void {
    const known = this.#entries.get(party)
    if (known?.state !== 'enrolled' || (known.isQuarantined === true) === isQuarantined) return
    const entry = { ...known, isQuarantined: isQuarantined || undefined }
    this.#entries.set(party, entry)
    this.#put(entry)
  }

  /**
   * The next number, and whether it is on the disk. One that is not may be given again after a restart: who had it under another key refuses
   * it, and the rotation after that has the next.
   */
  nextEpoch(device: string): { readonly epoch: number; readonly isKept: boolean } {
    const epoch = ++this.#epoch
    const known = this.#entries.get(device)
    if (known === undefined) return { epoch, isKept: false }
    const entry = { ...known, epochs: [...known.epochs, epoch].slice(-EPOCHS_KEPT) }
    this.#entries.set(device, entry)
    try {
      this.#put(entry)
    } catch {
      return { epoch, isKept: false }
    }
    return { epoch, isKept: true }
  }

  #put(entry: PartyEntry): void {
    writePrivateFile(join(this.#folder, `${entry.party}${SUFFIX}`), JSON.stringify(entry))
    this.#entries.set(entry.party, entry)
  }
}

function readEntry(path: string): PartyEntry {
  try {
    return ENTRY.parse(JSON.parse(readPrivateFile(path)?.toString('utf8') ?? ''))
  } catch {
    const text = `Cannot read ${path}: it is not what Limen wrote`
    throw new LimenError('devices.register', text, { side: 'operator', retry: false })
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

function refused(code: string, text: string): LimenError {
  return new LimenError(code, text, { side: 'operator', retry: false })
}
