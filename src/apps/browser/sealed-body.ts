/**
 * Bodies sealed under a session's body key (LSK/1 section 1.7; RFC 8188), by WebCrypto.
 *
 * @module
 */
import { bodyInfo, bodyKeyId } from '../../keys/session/key-schedule.ts'
import {
  RECORD_BYTES,
  RECORD_KEY_INFO,
  RECORD_NONCE_BYTES,
  RECORD_NONCE_INFO,
  recordContent,
  recordNonce,
  SALT_BYTES,
  type SealedBodyError,
  SealedBodyReader,
  SealedBodyWriter,
  type SealedRecord,
  writeSealedBodyHeader,
} from '../../wire/sealed-body.ts'
import { owned } from './hpke-sender.ts'
import type { Session } from './session-handshake.ts'

const { subtle } = crypto
type Bytes = Uint8Array<ArrayBuffer>

export const SEALED_CODING = 'aes128gcm'

/** A body that cannot be opened. */
export class SealedBodyRefusal extends Error {
  readonly code: SealedBodyError
  constructor(code: SealedBodyError) {
    super(`Cannot open a sealed body: ${code}`)
    this.name = 'SealedBodyRefusal'
    this.code = code
  }
}

/** The sealed form of `content`, in pieces. */
export async function sealBody(session: Session, content: Blob): Promise<Blob> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
  const keyId = bodyKeyId(session.sessionId, session.generation)
  const keys = await bodyKeys(session, 'c2s', salt)
  const writer = new SealedBodyWriter()
  const parts: Bytes[] = [owned(writeSealedBodyHeader({ salt, recordBytes: RECORD_BYTES, keyId }))]
  const seal = async ({ sequence, plain }: ReturnType<SealedBodyWriter['end']>) => {
    const how = { name: 'AES-GCM', iv: recordNonce(keys.base, sequence) }
    parts.push(new Uint8Array(await subtle.encrypt(how, keys.key, owned(plain))))
  }
  for (let at = 0; at < content.size; at += RECORD_BYTES) {
    const piece = await content.slice(at, at + RECORD_BYTES).arrayBuffer()
    for (const record of writer.push(new Uint8Array(piece))) await seal(record)
  }
  await seal(writer.end())
  return new Blob(parts)
}

/** The response as it was before it was sealed; others as they are. Its body fails when it is not authentic. */
export function openResponse(session: Session, response: Response): Response {
  const coding = response.headers.get('content-encoding')?.trim().toLowerCase()
  if (coding !== SEALED_CODING || response.body === null) return response
  const headers = new Headers(response.headers)
  for (const name of ['content-encoding', 'content-length', 'content-digest']) headers.delete(name)
  const { status, statusText } = response
  const body = response.body.pipeThrough(openingStream(session))
  return new Response(body, { status, statusText, headers })
}

function openingStream(session: Session): TransformStream<Uint8Array, Uint8Array> {
  const reader = new SealedBodyReader()
  const expected = bodyKeyId(session.sessionId, session.generation)
  let keys: Promise<BodyKeys> | undefined
  const open = async ({ sequence, bytes, isLast }: SealedRecord): Promise<Uint8Array> => {
    keys ??= bodyKeys(session, 's2c', owned(reader.header?.salt ?? new Uint8Array(0)))
    const { key, base } = await keys
    const how = { name: 'AES-GCM', iv: recordNonce(base, sequence) }
    let plain: ArrayBuffer
    try {
      plain = await subtle.decrypt(how, key, owned(bytes))
    } catch {
      throw new SealedBodyRefusal('body_auth')
    }
    return checked(recordContent(new Uint8Array(plain), isLast))
  }
  return new TransformStream<Uint8Array, Uint8Array>({
    async transform(piece, out) {
      const records = checked(reader.push(piece))
      const { header } = reader
      if (header !== undefined && !isSame(header.keyId, expected)) {
        throw new SealedBodyRefusal('body_keyid')
      }
      for (const record of records) out.enqueue(await open(record))
    },
    async flush(out) {
      out.enqueue(await open(checked(reader.end())))
    },
  })
}

/** Key and nonces of one body. */
interface BodyKeys {
  readonly key: CryptoKey
  readonly base: Bytes
}

async function bodyKeys(
  { bodyKey }: Session,
  direction: 'c2s' | 's2c',
  salt: Bytes,
): Promise<BodyKeys> {
  const hkdf = (of: Bytes, info: Uint8Array) => ({
    ...{ name: 'HKDF', hash: 'SHA-256', salt: of },
    info: owned(info),
  })
  const directed = hkdf(new Uint8Array(0), bodyInfo(direction))
  const bits = await subtle.deriveBits(directed, bodyKey, 256)
  const ikm = await subtle.importKey('raw', bits, 'HKDF', false, ['deriveBits', 'deriveKey'])
  new Uint8Array(bits).fill(0)
  const aes = { name: 'AES-GCM', length: 128 }
  const uses = ['encrypt', 'decrypt'] as const
  const [key, base] = await Promise.all([
    subtle.deriveKey(hkdf(salt, RECORD_KEY_INFO), ikm, aes, false, [...uses]),
    subtle.deriveBits(hkdf(salt, RECORD_NONCE_INFO), ikm, RECORD_NONCE_BYTES * 8),
  ])
  return { key, base: new Uint8Array(base) }
}

function checked<T extends object>(outcome: T | SealedBodyError): T {
  if (typeof outcome === 'string') throw new SealedBodyRefusal(outcome)
  return outcome
}

/** Of public bytes. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
