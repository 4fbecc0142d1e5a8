/**
 * {@link WrappingKey} in a PKCS#11 token: AES-256-GCM (NIST SP 800-38D) by a key that was made in the token and does not leave it.
 *
 * | bytes | of what is wrapped |
 * |---|---|
 * | 1 | version, 1 |
 * | 12 | nonce, random: data keys are few |
 * | 32 | ciphertext |
 * | 16 | tag; over the reference, too |
 *
 * A token that goes and comes back is found again at the next call. A PIN that was refused is not tried again: tokens count, and lock.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import { DATA_KEY_BYTES, REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'
import {
  type Attribute,
  CK,
  type Cryptoki,
  type CryptokiModule,
  type Handle,
  loadCryptoki,
  tokenError,
} from './cryptoki.ts'
import type { Pkcs11Uri } from './pkcs11-uri.ts'

export interface TokenKeyOptions {
  readonly uri: Pkcs11Uri
  readonly random: Random
}

interface TokenSession {
  readonly session: Handle
  readonly key: Handle
  readonly reference: Uint8Array
}

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const WRAPPED_BYTES = 1 + NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES
/** PKCS#11 2.40, section 5.4: CK_BBOOL. */
const TRUE = 1

/**
 * @throws LimenError `token-module`, `token-missing`, `token-pin`, `token-locked`, `token-gone`, `token-failed`; `token-key` when there is no
 *   such key, more than one, or one that can be read or taken out of the token
 */
export async function openTokenKey(options: TokenKeyOptions): Promise<WrappingKey> {
  const token = new Token(await loadCryptoki(options.uri.modulePath), options)
  const { reference } = token.session()
  return {
    reference,
    wrap: (key) => token.inTurn(() => token.wrap(key)),
    unwrap: (wrapped) => token.inTurn(() => token.unwrap(wrapped)),
    close: () => token.inTurn(async () => token.forget()),
  }
}

/** Makes the key that the URI names in the token. @throws LimenError as {@link openTokenKey}; `token-key` when it is there */
export async function makeTokenKey(options: TokenKeyOptions): Promise<void> {
  const { uri } = options
  const { cryptoki } = await loadCryptoki(uri.modulePath)
  const session = logIn(cryptoki, options)
  try {
    if (keysOf(cryptoki, session, uri).length > 0) throw badKey(uri, 'is there already')
    cryptoki.C_GenerateKey(session, { mechanism: CK.CKM_AES_KEY_GEN }, [
      ...identityOf(uri),
      { type: CK.CKA_VALUE_LEN, value: DATA_KEY_BYTES },
      ...[CK.CKA_TOKEN, CK.CKA_PRIVATE, CK.CKA_SENSITIVE, CK.CKA_ENCRYPT, CK.CKA_DECRYPT].map(
        (type) => ({ type, value: true }),
      ),
      { type: CK.CKA_EXTRACTABLE, value: false },
    ])
  } catch (error) {
    throw tokenError(error, nameOf(uri))
  } finally {
    closeQuietly(cryptoki, session)
  }
}

class Token {
  readonly #module: CryptokiModule
  readonly #cryptoki: Cryptoki
  readonly #options: TokenKeyOptions
  #open: TokenSession | undefined
  #refused: LimenError | undefined
  #reference: Uint8Array | undefined
  /** Of the module, when the session was opened. */
  #restarts = 0
  #isLost = false

  constructor(module: CryptokiModule, options: TokenKeyOptions) {
    this.#module = module
    this.#cryptoki = module.cryptoki
    this.#options = options
  }

  /** The one that is open, or a new one. */
  session(): TokenSession {
    const open = this.#live()
    if (open !== undefined) return open
    if (this.#refused !== undefined) throw this.#refused
    try {
      const found = this.#find()
      const before = this.#reference
      if (before !== undefined && Buffer.compare(before, found.reference) !== 0) {
        closeQuietly(this.#cryptoki, found.session)
        throw badKey(this.#options.uri, 'is another one than before')
      }
      this.#reference = found.reference
      this.#open = found
      this.#restarts = this.#module.restarts()
      this.#isLost = false
      return found
    } catch (error) {
      if (error instanceof LimenError && /^token-(?:pin|locked)$/.test(error.code)) {
        this.#refused = error
      }
      throw error
    }
  }

  /** A session that has ended is begun again, once. */
  async inTurn<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await this.#attempt(act)
    } catch (error) {
      if (!(error instanceof LimenError) || error.code !== 'token-gone') throw error
      return this.#attempt(act)
    }
  }

  async wrap(data: Uint8Array): Promise<Uint8Array> {
    if (data.length !== DATA_KEY_BYTES) throw new RangeError('A data key has 32 octets')
    const { session, key, reference } = this.session()
    const nonce = Buffer.from(this.#options.random.bytes(NONCE_BYTES))
    this.#cryptoki.C_EncryptInit(session, gcm(nonce, reference), key)
    const plain = Buffer.from(data)
    try {
      const room = Buffer.alloc(DATA_KEY_BYTES + TAG_BYTES)
      const sealed = await this.#cryptoki.C_EncryptAsync(session, plain, room)
      return new Uint8Array(Buffer.concat([Buffer.of(VERSION), nonce, sealed]))
    } finally {
      plain.fill(0)
    }
  }

  async unwrap(wrapped: Uint8Array): Promise<Uint8Array | undefined> {
    if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== VERSION) return undefined
    try {
      return await this.#decrypt(wrapped)
    } catch (error) {
      if (tokenError(error, '').code !== 'token-failed') throw error
      // Tokens say of a wrong tag whatever they like (SoftHSM: CKR_GENERAL_ERROR). If the key opens another one, that was it.
      const probe = await this.wrap(new Uint8Array(DATA_KEY_BYTES))
      await this.#decrypt(probe)
      return undefined
    }
  }

  forget(): void {
    const open = this.#live()
    if (open !== undefined) closeQuietly(this.#cryptoki, open.session)
    this.#open = undefined
  }

  #live(): TokenSession | undefined {
    return this.#restarts === this.#module.restarts() ? this.#open : undefined
  }

  async #attempt<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await this.#module.inTurn(act)
    } catch (error) {
      if (error instanceof RangeError) throw error
      const failed = tokenError(error, nameOf(this.#options.uri))
      if (failed.code === 'token-gone') {
        this.#isLost = true
        this.forget()
      }
      // Until it is found again, whatever the module says of it means that.
      if (!this.#isLost || !failed.retry) throw failed
      throw new LimenError('token-gone', failed.message, { side: 'operator', retry: true })
    }
  }

  /** What was lost may only be found by a module that begins anew, which ends the sessions of others: not at first. */
  #find(): TokenSession {
    try {
      return findKey(this.#cryptoki, this.#options)
    } catch (error) {
      const isFinal = error instanceof LimenError && !error.retry
      if (!this.#isLost || isFinal) throw error
      this.#module.restart()
      return findKey(this.#cryptoki, this.#options)
    }
  }

  async #decrypt(wrapped: Uint8Array): Promise<Uint8Array> {
    const { session, key, reference } = this.session()
    const nonce = Buffer.from(wrapped.subarray(1, 1 + NONCE_BYTES))
    this.#cryptoki.C_DecryptInit(session, gcm(nonce, reference), key)
    const room = Buffer.alloc(DATA_KEY_BYTES + TAG_BYTES)
    try {
      const sealed = Buffer.from(wrapped.subarray(1 + NONCE_BYTES))
      const plain = await this.#cryptoki.C_DecryptAsync(session, sealed, room)
      const data = new Uint8Array(plain)
      plain.fill(0)
      return data
    } finally {
      room.fill(0)
    }
  }
}

function gcm(iv: Buffer, reference: Uint8Array) {
  const parameter = {
    type: CK.CK_PARAMS_AES_GCM,
    iv,
    aad: Buffer.from(reference),
    ivBits: 96,
    tagBits: 128,
  }
  return { mechanism: CK.CKM_AES_GCM, parameter }
}

function findKey(cryptoki: Cryptoki, options: TokenKeyOptions): TokenSession {
  const { uri } = options
  const session = logIn(cryptoki, options)
  try {
    const [key, another] = keysOf(cryptoki, session, uri)
    if (key === undefined) throw badKey(uri, 'is not there')
    if (another !== undefined) throw badKey(uri, 'is there more than once')
    const numbers = [CK.CKA_KEY_TYPE, CK.CKA_VALUE_LEN, CK.CKA_SENSITIVE, CK.CKA_EXTRACTABLE]
    const [type, length, isSensitive, isExtractable] = cryptoki
      .C_GetAttributeValue(
        session,
        key,
        numbers.map((one) => ({ type: one })),
      )
      .map(({ value }) => value.readUIntLE(0, Math.min(value.length, 4)))
    if (type !== CK.CKK_AES || length !== DATA_KEY_BYTES) throw badKey(uri, 'is not for AES-256')
    if (isSensitive !== TRUE || isExtractable === TRUE) {
      throw badKey(uri, 'can be read or taken out of the token')
    }
    return { session, key, reference: referenceOf(cryptoki, session, key, slotOf(cryptoki, uri)) }
  } catch (error) {
    closeQuietly(cryptoki, session)
    throw tokenError(error, nameOf(uri))
  }
}

function logIn(cryptoki: Cryptoki, { uri }: TokenKeyOptions): Handle {
  let session: Handle | undefined
  const pin = readPin(uri.pinFile)
  try {
    session = cryptoki.C_OpenSession(
      slotOf(cryptoki, uri),
      CK.CKF_SERIAL_SESSION | CK.CKF_RW_SESSION,
    )
    // pkcs11js takes a PIN as a string only: it lives until the next collection.
    cryptoki.C_Login(session, CK.CKU_USER, pin.toString('utf8'))
    return session
  } catch (error) {
    if (session !== undefined && isLoggedIn(error)) return session
    if (session !== undefined) closeQuietly(cryptoki, session)
    throw tokenError(error, nameOf(uri))
  } finally {
    pin.fill(0)
  }
}

/** Without the end of its line; to be zeroed. */
function readPin(path: string): Buffer {
  try {
    const bytes = readFileSync(path)
    const end = bytes.findLastIndex((octet) => octet !== 0x0a && octet !== 0x0d)
    return bytes.subarray(0, end + 1)
  } catch (cause) {
    const details = { side: 'operator', retry: false, cause } as const
    throw new LimenError('token-pin', `Cannot read the PIN file ${path}`, details)
  }
}

/** A login is of the whole process: another session has made it. */
function isLoggedIn(error: unknown): boolean {
  return error instanceof Error && error.message === 'CKR_USER_ALREADY_LOGGED_IN'
}

function slotOf(cryptoki: Cryptoki, uri: Pkcs11Uri): Handle {
  const found = cryptoki.C_GetSlotList(true).filter((slot) => {
    const { label, serialNumber, manufacturerID, model } = cryptoki.C_GetTokenInfo(slot)
    const is = (wanted: string | undefined, said: string): boolean =>
      wanted === undefined || wanted === said.trimEnd()
    const isNamed = is(uri.token, label) && is(uri.serial, serialNumber)
    return isNamed && is(uri.manufacturer, manufacturerID) && is(uri.model, model)
  })
  const [slot] = found
  if (slot !== undefined && found.length === 1) return slot
  const says = found.length === 0 ? 'is not there' : 'is there more than once: give its serial'
  const details = { side: 'operator', retry: found.length === 0 } as const
  throw new LimenError('token-missing', `Token ${nameOf(uri)} ${says}`, details)
}

function keysOf(cryptoki: Cryptoki, session: Handle, uri: Pkcs11Uri): Handle[] {
  cryptoki.C_FindObjectsInit(session, identityOf(uri))
  try {
    return cryptoki.C_FindObjects(session, 2)
  } finally {
    cryptoki.C_FindObjectsFinal(session)
  }
}

function identityOf({ object, id }: Pkcs11Uri): Attribute[] {
  return [
    { type: CK.CKA_CLASS, value: CK.CKO_SECRET_KEY },
    ...(object === undefined ? [] : [{ type: CK.CKA_LABEL, value: object }]),
    ...(id === undefined ? [] : [{ type: CK.CKA_ID, value: Buffer.from(id) }]),
  ]
}

/** SHA-256("limen/lcu/1 token key" 0x00 | serial number | 0x00 | SHA-256(label) | SHA-256(id)), first 16 octets. */
function referenceOf(cryptoki: Cryptoki, session: Handle, key: Handle, slot: Handle): Uint8Array {
  const { serialNumber } = cryptoki.C_GetTokenInfo(slot)
  const named = cryptoki.C_GetAttributeValue(session, key, [
    { type: CK.CKA_LABEL },
    { type: CK.CKA_ID },
  ])
  const hash = createHash('sha256').update(`limen/lcu/1 token key\0${serialNumber.trimEnd()}\0`)
  for (const { value } of named) hash.update(createHash('sha256').update(value).digest())
  return new Uint8Array(hash.digest().subarray(0, REFERENCE_BYTES))
}

function closeQuietly(cryptoki: Cryptoki, session: Handle): void {
  try {
    cryptoki.C_CloseSession(session)
  } catch {
    // It is gone already.
  }
}

function nameOf({ token, serial }: Pkcs11Uri): string {
  return JSON.stringify(token ?? serial ?? '')
}

function badKey(uri: Pkcs11Uri, says: string): LimenError {
  const key = uri.object ?? Buffer.from(uri.id ?? []).toString('hex')
  const message = `The key ${JSON.stringify(key)} in token ${nameOf(uri)} ${says}`
  return new LimenError('token-key', message, { side: 'operator', retry: false })
}
