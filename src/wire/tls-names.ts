/**
 * Names of TLS versions and groups as IANA registers them
 * (https://www.iana.org/assignments/tls-parameters), for people to read. Unknown numbers stay numbers.
 *
 * @module
 */
import { isGrease } from './grease.ts'

const VERSIONS: Readonly<Record<number, string>> = {
  512: 'SSL 2.0',
  768: 'SSL 3.0',
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
  65279: 'DTLS 1.0',
  65277: 'DTLS 1.2',
  65276: 'DTLS 1.3',
}

const GROUPS: Readonly<Record<number, string>> = {
  19: 'secp192r1',
  21: 'secp224r1',
  22: 'secp256k1',
  23: 'secp256r1',
  24: 'secp384r1',
  25: 'secp521r1',
  26: 'brainpoolP256r1',
  27: 'brainpoolP384r1',
  28: 'brainpoolP512r1',
  29: 'x25519',
  30: 'x448',
  256: 'ffdhe2048',
  257: 'ffdhe3072',
  258: 'ffdhe4096',
  259: 'ffdhe6144',
  260: 'ffdhe8192',
  512: 'MLKEM512',
  513: 'MLKEM768',
  514: 'MLKEM1024',
  4587: 'SecP256r1MLKEM768',
  4588: 'X25519MLKEM768',
  4589: 'SecP384r1MLKEM1024',
  25497: 'X25519Kyber768Draft00',
}

export function versionName(version: number): string {
  return VERSIONS[version] ?? numberName(version)
}

export function groupName(group: number): string {
  return GROUPS[group] ?? numberName(group)
}

function numberName(value: number): string {
  if (isGrease(value)) return 'GREASE'
  return `0x${value.toString(16).padStart(4, '0')}`
}
