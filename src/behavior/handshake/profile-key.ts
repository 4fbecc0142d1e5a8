/**
 * Who a client is, as far as a handshake tells: its stable fingerprint and the network it comes from, hashed
 * with a key so that an id says nothing to somebody without it. What a session ticket of ours says goes
 * first: see the edge. Not here: what is known about it (`profile.ts`).
 *
 * @module
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'

/** Ids remembered; beyond, all are forgotten at once. Some 200 bytes each. */
export const PROFILE_IDS_MAX = 16_384

/** Makes ids; keeps those made lately, since an HMAC costs more than a decision otherwise does. */
export interface ProfileKeys {
  readonly key: Uint8Array
  /** HMAC with the key already in it: to be cloned. */
  readonly keyed: ReturnType<typeof hmac.create>
  readonly ids: Map<string, string>
  readonly groups: Map<string, string>
}

export function newProfileKeys(key: Uint8Array): ProfileKeys {
  if (key.length < 16) throw new RangeError(`profile key must be 16 bytes, is ${key.length}`)
  return { key: key.slice(), keyed: hmac.create(sha256, key), ids: new Map(), groups: new Map() }
}

/** 16 hex digits. `form` as in `form.ts`: hellos cut on purpose are not of the client that sends whole ones. */
export function profileId(
  keys: ProfileKeys,
  ja4Stable: string,
  form: string,
  group: string,
): string {
  // None of the three can hold a space.
  const name = `${ja4Stable} ${form} ${group}`
  const known = keys.ids.get(name)
  if (known !== undefined) return known
  let id = ''
  for (const byte of keys.keyed.clone().update(latin1(name)).digest().subarray(0, 8)) {
    id += byte.toString(16).padStart(2, '0')
  }
  if (keys.ids.size >= PROFILE_IDS_MAX) keys.ids.clear()
  keys.ids.set(name, id)
  return id
}

/** {@link addressGroup}, remembered. */
export function groupOf(keys: ProfileKeys, address: string): string {
  const known = keys.groups.get(address)
  if (known !== undefined) return known
  const group = addressGroup(address)
  if (keys.groups.size >= PROFILE_IDS_MAX) keys.groups.clear()
  keys.groups.set(address, group)
  return group
}

/**
 * The network of an address: IPv4 /24, IPv6 /48 (what a site is given, RFC 6177), an IPv4 address mapped
 * into IPv6 as the IPv4 one. What is no address stays as it is.
 *
 * @example
 * addressGroup('192.0.2.7') // '192.0.2.0/24'
 * addressGroup('2001:db8:1:2::7') // '2001:db8:1::/48'
 */
export function addressGroup(address: string): string {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  const v4 = bare.slice(bare.lastIndexOf(':') + 1)
  if (v4.includes('.')) {
    const parts = v4.split('.')
    return parts.length === 4 ? `${parts[0]}.${parts[1]}.${parts[2]}.0/24` : address
  }
  if (!bare.includes(':')) return address
  const [head = '', tail] = bare.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0')
  const words = tail === undefined ? front : [...front, ...zeros, ...back]
  const three = words.slice(0, 3).map((word) => Number.parseInt(word, 16).toString(16))
  return `${three.join(':')}::/48`
}

function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
