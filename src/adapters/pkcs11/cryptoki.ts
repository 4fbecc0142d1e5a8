/**
 * Cryptoki (PKCS#11 2.40) by `pkcs11js`, as far as it is used here, and its errors in our words. The package is optional: it is
 * compiled when it is installed, and missing where there is no compiler.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'

export type Handle = Buffer

export interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

export interface Mechanism {
  readonly mechanism: number
  readonly parameter?: object
}

/** Functions of `pkcs11js` that are used; their names are those of the standard. */
export interface Cryptoki {
  C_GetSlotList(tokenPresent: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): TokenInfo
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_Login(session: Handle, user: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, limit: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): { readonly value: Buffer }[]
  C_GenerateKey(session: Handle, mechanism: Mechanism, template: readonly Attribute[]): Handle
  C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_EncryptAsync(session: Handle, data: Buffer, into: Buffer): Promise<Buffer>
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_DecryptAsync(session: Handle, data: Buffer, into: Buffer): Promise<Buffer>
}

/** Texts are padded with blanks. */
export interface TokenInfo {
  readonly label: string
  readonly manufacturerID: string
  readonly model: string
  readonly serialNumber: string
}

interface Loadable extends Cryptoki {
  load(path: string): void
  C_Initialize(): void
  C_Finalize(): void
}

interface Package {
  readonly PKCS11: new () => Loadable
}

export interface CryptokiModule {
  readonly cryptoki: Cryptoki
  /** One call that waits after the other, over all sessions. @throws LimenError `token-failed` for more than {@link WAITING_MAX} */
  inTurn<T>(act: () => Promise<T>): Promise<T>
  /** Begins anew, as some modules need it to find a token that was away (SoftHSM). Ends all sessions; in turn only. */
  restart(): void
  /** How often it has begun anew. Handles from before may be those of other sessions and keys now. */
  restarts(): number
}

/** PKCS#11 2.40, section 3, of what is used; the last is of pkcs11js, which kind of parameter follows. */
export const CK = {
  CKO_SECRET_KEY: 4,
  CKK_AES: 0x1f,
  CKM_AES_KEY_GEN: 0x1080,
  CKM_AES_GCM: 0x1087,
  CKA_CLASS: 0x0,
  CKA_TOKEN: 0x1,
  CKA_PRIVATE: 0x2,
  CKA_LABEL: 0x3,
  CKA_VALUE: 0x11,
  CKA_KEY_TYPE: 0x100,
  CKA_ID: 0x102,
  CKA_SENSITIVE: 0x103,
  CKA_ENCRYPT: 0x104,
  CKA_DECRYPT: 0x105,
  CKA_VALUE_LEN: 0x161,
  CKA_EXTRACTABLE: 0x162,
  CKF_RW_SESSION: 2,
  CKF_SERIAL_SESSION: 4,
  CKU_USER: 1,
  CK_PARAMS_AES_GCM: 3,
} as const

/** Not a string as such, so that the compiler does not ask for a package that need not be there. */
const PACKAGE: string = 'pkcs11js'
/** By path: a module is initialised once in a process, and left so. */
const modules = new Map<string, CryptokiModule>()
/** Data keys are wrapped at a start and when they are renewed. */
const WAITING_MAX = 1000

/** @throws LimenError `token-module` */
export async function loadCryptoki(path: string): Promise<CryptokiModule> {
  const known = modules.get(path)
  if (known !== undefined) return known
  let loaded: Package
  try {
    loaded = (await import(PACKAGE)).default as Package
  } catch (cause) {
    const says = 'pkcs11js is not installed: npm needs a C++ compiler, make and Python for it'
    throw new LimenError('token-module', says, { side: 'operator', retry: false, cause })
  }
  const cryptoki = new loaded.PKCS11()
  try {
    cryptoki.load(path)
    cryptoki.C_Initialize()
  } catch (error) {
    if (codeOf(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') {
      const says = `Cannot load the PKCS#11 module ${path}: ${codeOf(error)}`
      throw new LimenError('token-module', says, { side: 'operator', retry: false })
    }
  }
  const module = moduleOf(cryptoki)
  modules.set(path, module)
  return module
}

function moduleOf(cryptoki: Loadable): CryptokiModule {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let restarts = 0
  return {
    cryptoki,
    async inTurn(act) {
      if (waiting >= WAITING_MAX) {
        const details = { side: 'operator', retry: true } as const
        throw new LimenError('token-failed', 'The PKCS#11 module has too much to do', details)
      }
      waiting++
      const turn = last.then(act)
      last = turn.catch(() => undefined)
      try {
        return await turn
      } finally {
        waiting--
      }
    },
    restarts: () => restarts,
    restart() {
      restarts++
      try {
        cryptoki.C_Finalize()
      } catch {
        // An attempt before this one got as far.
      }
      cryptoki.C_Initialize()
    },
  }
}

/** `CKR_...`, or what the system said. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The session, the token or the key is no longer there: it may come back. */
const GONE = new Set([
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SLOT_ID_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_USER_NOT_LOGGED_IN',
])

/** `token-pin`, `token-locked`, `token-gone` or `token-failed`; a {@link LimenError} is what it was. Without its cause: that has seen the PIN. */
export function tokenError(error: unknown, token: string): LimenError {
  if (error instanceof LimenError) return error
  const code = codeOf(error)
  const fail = (name: string, says: string, retry: boolean): LimenError =>
    new LimenError(name, `${says} (${code})`, { side: 'operator', retry })
  if (/^CKR_PIN_(?:INCORRECT|INVALID|LEN_RANGE|EXPIRED)$/.test(code)) {
    return fail('token-pin', `Token ${token} does not take the PIN`, false)
  }
  if (code === 'CKR_PIN_LOCKED') {
    return fail('token-locked', `Token ${token} is locked: its security officer unlocks it`, false)
  }
  if (GONE.has(code)) return fail('token-gone', `Token ${token} is gone`, true)
  return fail('token-failed', `Token ${token} failed`, true)
}
