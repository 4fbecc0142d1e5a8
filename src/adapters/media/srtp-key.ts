/**
 * One epoch's keys: SRTP and SRTCP (RFC 3711) with AEAD_AES_128_GCM (RFC 7714), the epoch as MKI behind the tag. Seals and
 * opens at an index it is told; which index, and whether it was there before, is `srtp-sender.ts` and `srtp-receiver.ts`.
 *
 * RTP:  header | ciphertext | tag 16 | epoch u32                 AAD: the header
 * RTCP: 8 octets | ciphertext | tag 16 | E and index u32 | epoch u32    AAD: the 8 octets, E and index
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { deriveSrtpKeys, type SrtpSessionKeys } from '../../crypto/srtp-kdf.ts'
import { u32 } from '../../wire/big-endian.ts'
import { RTCP_HEAD_BYTES } from '../../wire/rtcp-packet.ts'
import { type Keystream, KeystreamAhead } from './keystream-ahead.ts'
import { keystreamBytes, PacketGcm, TAG_BYTES } from './packet-gcm.ts'

/** What an epoch's keys are derived from. Zeroed by whoever made it, once it is no longer needed. */
export interface MasterKey {
  /** 16 octets. */
  readonly key: Uint8Array
  /** 12 octets. */
  readonly salt: Uint8Array
}

export const MKI_BYTES = 4
/** What SRTP adds to a packet. */
export const SRTP_OVERHEAD_BYTES = TAG_BYTES + MKI_BYTES
/** E and index, before the MKI. */
const RTCP_INDEX_BYTES = 4
export const SRTCP_OVERHEAD_BYTES = SRTP_OVERHEAD_BYTES + RTCP_INDEX_BYTES
/** The top bit of the index: what is here is encrypted (RFC 3711 section 3.4). */
export const SRTCP_ENCRYPTED = 0x8000_0000
const NONCE_BYTES = 12
const CIPHER = 'aes-128-gcm'
/** Said at the beginning: a tag of another length is then refused by OpenSSL as well. */
const OPTIONS = { authTagLength: TAG_BYTES } as const

export class SrtpKey {
  readonly epoch: number
  readonly #rtp: PacketGcm
  readonly #ahead = new KeystreamAhead()
  readonly #rtcpKey: KeyObject
  readonly #rtpSalt: DataView
  readonly #rtcpSalt: DataView
  /** Copied when a call returns. */
  readonly #nonce = Buffer.alloc(NONCE_BYTES)
  readonly #nonceWords = new DataView(this.#nonce.buffer, this.#nonce.byteOffset, NONCE_BYTES)
  readonly #rtcpAad = Buffer.alloc(RTCP_HEAD_BYTES + RTCP_INDEX_BYTES)

  /** @param epoch u32, the MKI. @param keys copied */
  constructor(epoch: number, { rtpKey, rtpSalt, rtcpKey, rtcpSalt }: SrtpSessionKeys) {
    this.epoch = epoch
    this.#rtp = new PacketGcm(createSecretKey(rtpKey))
    this.#rtcpKey = createSecretKey(rtcpKey)
    this.#rtpSalt = new DataView(Uint8Array.from(rtpSalt).buffer)
    this.#rtcpSalt = new DataView(Uint8Array.from(rtcpSalt).buffer)
  }

  /** Keys themselves are cleansed by OpenSSL when they are collected. */
  zero(): void {
    this.#rtp.zero()
    this.#ahead.zero()
    for (const { buffer } of [this.#rtpSalt, this.#rtcpSalt]) new Uint8Array(buffer).fill(0)
  }

  /** @param index rollover counter and sequence number, never twice for one SSRC */
  sealRtp(packet: Uint8Array, headerBytes: number, index: number): Buffer {
    const bytes = keystreamBytes(packet.length - headerBytes)
    const ssrc = u32(packet, 8)
    const keystream = this.#keystreamOf(ssrc, index, bytes)
    this.#ahead.keep(ssrc, keystream, bytes)
    const sealed = Buffer.allocUnsafe(packet.length + SRTP_OVERHEAD_BYTES)
    this.#rtp.seal(packet, headerBytes, keystream.octets, keystream.at(index), sealed)
    sealed.writeUInt32BE(this.epoch, packet.length + TAG_BYTES)
    return sealed
  }

  /** Opens in place: a view of `packet` with the plain payload in it, undefined when it is not authentic. Nothing is changed then. */
  openRtp(packet: Buffer, headerBytes: number, index: number): Buffer | undefined {
    const tagAt = packet.length - SRTP_OVERHEAD_BYTES
    const bytes = keystreamBytes(tagAt - headerBytes)
    const ssrc = u32(packet, 8)
    const keystream = this.#keystreamOf(ssrc, index, bytes)
    const at = keystream.at(index)
    if (!this.#rtp.open(packet, headerBytes, tagAt, keystream.octets, at)) return undefined
    this.#ahead.keep(ssrc, keystream, bytes)
    return packet.subarray(0, tagAt)
  }

  #keystreamOf(ssrc: number, index: number, bytes: number): Keystream {
    return this.#ahead.of(ssrc, index, bytes, (packets, each) =>
      this.#rtp.keystreams(packets, each, (i) => this.#nonceOf(this.#rtpSalt, ssrc, index + i)),
    )
  }

  /** @param index 31 bits, never twice */
  sealRtcp(packet: Uint8Array, index: number): Buffer {
    const word = (SRTCP_ENCRYPTED | index) >>> 0
    const cipher = createCipheriv(
      CIPHER,
      this.#rtcpKey,
      this.#nonceOf(this.#rtcpSalt, u32(packet, 4), index),
      OPTIONS,
    )
    cipher.setAAD(this.#aadOf(packet, word))
    const sealed = Buffer.allocUnsafe(packet.length + SRTCP_OVERHEAD_BYTES)
    sealed.set(packet.subarray(0, RTCP_HEAD_BYTES))
    sealed.set(cipher.update(packet.subarray(RTCP_HEAD_BYTES)), RTCP_HEAD_BYTES)
    cipher.final()
    sealed.set(cipher.getAuthTag(), packet.length)
    sealed.writeUInt32BE(word, packet.length + TAG_BYTES)
    sealed.writeUInt32BE(this.epoch, packet.length + TAG_BYTES + RTCP_INDEX_BYTES)
    return sealed
  }

  /** In place, as {@link openRtp}. @param index as the packet says it, without the top bit */
  openRtcp(packet: Buffer, index: number): Buffer | undefined {
    const tagAt = packet.length - SRTCP_OVERHEAD_BYTES
    const nonce = this.#nonceOf(this.#rtcpSalt, u32(packet, 4), index)
    const decipher = createDecipheriv(CIPHER, this.#rtcpKey, nonce, OPTIONS)
    decipher.setAAD(this.#aadOf(packet, (SRTCP_ENCRYPTED | index) >>> 0))
    decipher.setAuthTag(packet.subarray(tagAt, tagAt + TAG_BYTES))
    const plain = decipher.update(packet.subarray(RTCP_HEAD_BYTES, tagAt))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    packet.set(plain, RTCP_HEAD_BYTES)
    return packet.subarray(0, tagAt)
  }

  /** RFC 7714 sections 8.1 and 9.1: 0 u16 | SSRC | index u48, and the salt on it. The index of RTP begins with the rollover counter. */
  #nonceOf(salt: DataView, ssrc: number, index: number): Buffer {
    const words = this.#nonceWords
    words.setUint32(0, salt.getUint32(0) ^ (ssrc >>> 16))
    words.setUint32(4, salt.getUint32(4) ^ (ssrc << 16) ^ Math.floor(index / 2 ** 32))
    words.setUint32(8, salt.getUint32(8) ^ index)
    return this.#nonce
  }

  #aadOf(packet: Uint8Array, word: number): Buffer {
    this.#rtcpAad.set(packet.subarray(0, RTCP_HEAD_BYTES))
    this.#rtcpAad.writeUInt32BE(word, RTCP_HEAD_BYTES)
    return this.#rtcpAad
  }
}

/** @throws RangeError for a key or salt of another length */
export function srtpKeyOf(epoch: number, { key, salt }: MasterKey): SrtpKey {
  const keys = deriveSrtpKeys(key, salt, aesCounterMode)
  const made = new SrtpKey(epoch, keys)
  for (const secret of Object.values<Uint8Array>({ ...keys })) secret.fill(0)
  return made
}

function aesCounterMode(key: Uint8Array, counter: Uint8Array, bytes: number): Uint8Array {
  return createCipheriv('aes-128-ctr', key, counter).update(Buffer.alloc(bytes))
}
