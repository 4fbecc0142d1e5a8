/**
 * Sealing and opening of keys for an edge: LSD1 (`wire/key-envelope.ts`) by HPKE with X25519 and an Ed25519 signature.
 *
 * @module
 */
import { createPublicKey, verify } from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import { KEM } from '../../wire/key-config.ts'
import {
  ENVELOPE_TLV,
  ENVELOPE_TYPE,
  type EnvelopeType,
  keyEnvelopeInfo,
  readKeyEnvelope,
  writeKeyEnvelopeHead,
} from '../../wire/key-envelope.ts'
import { type KeyTlvs, readKeyTlvs, writeKeyTlvs } from '../../wire/key-message.ts'
import { type HpkeKeyPair, hpkeSend } from './hpke.ts'

/** What may travel. */
export type EnvelopeContents =
  | { readonly kind: 'ticket'; readonly stekId: number; readonly key: Uint8Array }
  | { readonly kind: 'assertion'; readonly kid: string; readonly privateKey: Uint8Array }

export type EnvelopeRefusal = 'malformed' | 'version' | 'signature' | 'replay' | 'stale' | 'sealed'

export type EnvelopeOpened =
  | { readonly kind: 'opened'; readonly contents: EnvelopeContents; readonly sequence: bigint }
  | { readonly kind: 'refused'; readonly code: EnvelopeRefusal }

export interface SealOptions {
  readonly edge: string
  /** The edge's X25519 key: 32 bytes. */
  readonly publicKey: Uint8Array
  readonly sequence: bigint
  /** Milliseconds since 1970. */
  readonly now: number
  readonly random: Random
  /** Ed25519 by the identity key. */
  sign(data: Uint8Array): Uint8Array
}

export interface OpenOptions {
  readonly edge: string
  readonly pair: HpkeKeyPair
  /** The identity key: 32 bytes. */
  readonly identity: Uint8Array
  /** Sequence number of the last that was taken. */
  readonly last: bigint
  readonly now: number
}

/** Clocks of key server and edge differ. */
const AGE_MS = 30_000
const TICKET_KEY_BYTES = 32
const KID = /^[\w-]{1,64}$/
const KNOWN = new Set<number>(Object.values(ENVELOPE_TLV))

/** @throws RangeError for what is no X25519 key */
export function sealKeyEnvelope(contents: EnvelopeContents, options: SealOptions): Uint8Array {
  const { edge, publicKey, sequence, now, random, sign } = options
  const { type, tlvs } = tlvsOf(contents)
  const head = writeKeyEnvelopeHead(type, sequence, now)
  const { enc, context } = hpkeSend(KEM.x25519, publicKey, keyEnvelopeInfo(edge), random)
  const plain = writeKeyTlvs(tlvs)
  const signed = Buffer.concat([head, enc, context.seal(plain, head)])
  plain.fill(0)
  return Buffer.concat([signed, sign(signed)])
}

/** In the order of LSK/1: form, version, signature, sequence, time, and only then the seal. */
export function openKeyEnvelope(bytes: Uint8Array, options: OpenOptions): EnvelopeOpened {
  const refused = (code: EnvelopeRefusal): EnvelopeOpened => ({ kind: 'refused', code })
  const read = readKeyEnvelope(bytes)
  if (read.kind === 'refused') return read
  const { type, sequence, time, head, enc, sealed, signed, signature } = read.envelope
  const { edge, pair, identity, last, now } = options
  if (!verify(null, signed, identityKey(identity), signature)) return refused('signature')
  if (sequence <= last) return refused('replay')
  if (Math.abs(now - time) > AGE_MS) return refused('stale')
  const plain = pair.receive(enc, keyEnvelopeInfo(edge))?.open(sealed, head)
  const contents = plain === undefined ? undefined : contentsOf(type, readKeyTlvs(plain, KNOWN))
  plain?.fill(0)
  return contents === undefined ? refused('sealed') : { kind: 'opened', contents, sequence }
}

function tlvsOf(contents: EnvelopeContents): {
  readonly type: EnvelopeType
  readonly tlvs: KeyTlvs
} {
  if (contents.kind === 'assertion') {
    const kid = Buffer.from(contents.kid, 'latin1')
    const tlvs = new Map<number, Uint8Array>([
      [ENVELOPE_TLV.key, contents.privateKey],
      [ENVELOPE_TLV.kid, kid],
    ])
    return { type: ENVELOPE_TYPE.assertionKey, tlvs }
  }
  const id = Buffer.alloc(4)
  id.writeUInt32BE(contents.stekId)
  const tlvs = new Map<number, Uint8Array>([
    [ENVELOPE_TLV.stekId, id],
    [ENVELOPE_TLV.key, contents.key],
  ])
  return { type: ENVELOPE_TYPE.ticketKey, tlvs }
}

/** Copies: what was opened is zeroed. */
function contentsOf(type: EnvelopeType, tlvs: KeyTlvs | undefined): EnvelopeContents | undefined {
  const key = tlvs?.get(ENVELOPE_TLV.key)
  if (tlvs === undefined || key === undefined) return undefined
  if (type === ENVELOPE_TYPE.assertionKey) {
    const kid = Buffer.from(tlvs.get(ENVELOPE_TLV.kid) ?? []).toString('latin1')
    if (!KID.test(kid)) return undefined
    return { kind: 'assertion', kid, privateKey: new Uint8Array(key) }
  }
  const id = tlvs.get(ENVELOPE_TLV.stekId)
  if (id?.length !== 4 || key.length !== TICKET_KEY_BYTES) return undefined
  return { kind: 'ticket', stekId: Buffer.from(id).readUInt32BE(), key: new Uint8Array(key) }
}

/** @param identity 32 bytes of Ed25519 */
export function identityKey(raw: Uint8Array) {
  const key = Buffer.from(raw)
  return createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'ed25519' })
}
