/**
 * Session keys of SRTP and SRTCP from a master key: RFC 3711 section 4.3 with the AES-CM PRF and a key derivation rate of 0.
 * The cipher is passed in: tables of a pure AES would be looked up by the secret.
 *
 * @module
 */

export interface SrtpSessionKeys {
  readonly rtpKey: Uint8Array
  readonly rtpSalt: Uint8Array
  readonly rtcpKey: Uint8Array
  readonly rtcpSalt: Uint8Array
}

/** Octets of the keystream of AES-128 in counter mode (NIST SP 800-38A) from that first counter block of 16 octets. */
export type AesCounterMode = (key: Uint8Array, counter: Uint8Array, bytes: number) => Uint8Array

const SRTP_KEY_BYTES = 16
/** Of AEAD_AES_128_GCM (RFC 7714 section 12); sections before AEAD have 14. */
const SRTP_SALT_BYTES = 12

/** Labels of RFC 3711 section 4.3.2; 1 and 4 are for authentication without AEAD. */
const LABEL = { rtpKey: 0, rtpSalt: 2, rtcpKey: 3, rtcpSalt: 5 } as const

/** Keys of AEAD_AES_128_GCM. @throws RangeError for a key or a salt of another length */
export function deriveSrtpKeys(
  masterKey: Uint8Array,
  masterSalt: Uint8Array,
  aes: AesCounterMode,
): SrtpSessionKeys {
  if (masterSalt.length !== SRTP_SALT_BYTES) {
    throw new RangeError(`Cannot derive from a salt of ${masterSalt.length} bytes`)
  }
  const derive = (label: number, bytes: number) => srtpPrf(masterKey, masterSalt, label, bytes, aes)
  return {
    rtpKey: derive(LABEL.rtpKey, SRTP_KEY_BYTES),
    rtpSalt: derive(LABEL.rtpSalt, SRTP_SALT_BYTES),
    rtcpKey: derive(LABEL.rtcpKey, SRTP_KEY_BYTES),
    rtcpSalt: derive(LABEL.rtcpSalt, SRTP_SALT_BYTES),
  }
}

/** @param masterSalt 14 octets, or less: zeros follow, as RFC 7714 section 11 has it. @throws RangeError for a key or a salt of another length */
export function srtpPrf(
  masterKey: Uint8Array,
  masterSalt: Uint8Array,
  label: number,
  bytes: number,
  aes: AesCounterMode,
): Uint8Array {
  if (masterKey.length !== SRTP_KEY_BYTES || masterSalt.length > 14) {
    throw new RangeError('Cannot derive from a master key or salt of this length')
  }
  const counter = new Uint8Array(16)
  counter.set(masterSalt)
  // key_id = label | index DIV 0, 56 bits at the end of 112.
  counter[7] = (counter[7] ?? 0) ^ label
  return aes(masterKey, counter, bytes)
}
