/**
 * PROXY protocol version 2 (HAProxy, `proxy-protocol.txt` of 2020): who the client really is, told by a
 * proxy in front, or by us to a server behind. Binary form only; version 1 is refused as malformed.
 *
 *  0  12  signature 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
 * 12   1  version 2 << 4 | command (0 LOCAL, 1 PROXY)
 * 13   1  family << 4 | transport
 * 14   2  length of what follows
 * 16      addresses, then TLVs: u8 type | u16 length | value
 *
 * @module
 */

export const PROXY_SIGNATURE: Uint8Array = Uint8Array.of(
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
)

/** Types of TLV that Limen knows by name (section 2.2); 0xE0..0xEF are for custom use. */
export const TLV = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCipher: 0x23,
  limenDecision: 0xe0,
  limenScore: 0xe1,
  limenJa4: 0xe2,
} as const

/** A header may not be longer than this: far above any real one, far below harm. */
export const PROXY_HEADER_BYTES_MAX = 4096
const FIXED_BYTES = 16

export interface Tlv {
  readonly type: number
  readonly value: Uint8Array
}

export interface ProxyHeader {
  /** LOCAL: the sender speaks for itself (health checks); addresses are absent. */
  readonly local: boolean
  readonly source: ProxyEndpoint | undefined
  readonly destination: ProxyEndpoint | undefined
  readonly tlvs: readonly Tlv[]
}

export interface ProxyEndpoint {
  /** Dotted IPv4, also when it was written as IPv6, or IPv6 in RFC 5952 form without compression of single groups. */
  readonly address: string
  readonly port: number
}

export type ProxyHeaderRead =
  | { readonly kind: 'read'; readonly header: ProxyHeader; readonly bytes: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly field: string }

const malformed = (field: string): ProxyHeaderRead => ({ kind: 'malformed', field })

/** Reads a header from the start of `bytes`. Never throws. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeaderRead {
  const shared = Math.min(bytes.length, PROXY_SIGNATURE.length)
  for (let i = 0; i < shared; i++) {
    if (bytes[i] !== PROXY_SIGNATURE[i]) return malformed('signature')
  }
  if (bytes.length < FIXED_BYTES) return { kind: 'incomplete' }
  const versionCommand = bytes[12] as number
  if (versionCommand >> 4 !== 2) return malformed('version')
  const command = versionCommand & 15
  if (command > 1) return malformed('command')
  const length = u16(bytes, 14)
  const end = FIXED_BYTES + length
  if (end > PROXY_HEADER_BYTES_MAX) return malformed('length')
  if (bytes.length < end) return { kind: 'incomplete' }
  return readBody(bytes.subarray(FIXED_BYTES, end), command === 0, bytes[13] as number, end)
}

function readBody(
  body: Uint8Array,
  local: boolean,
  family: number,
  bytes: number,
): ProxyHeaderRead {
  const addressBytes = [0, 4, 16, 108][family >> 4]
  if (addressBytes === undefined || (family & 15) > 2) return malformed('family')
  const fixed = addressBytes === 108 ? 216 : addressBytes === 0 ? 0 : addressBytes * 2 + 4
  // A LOCAL header's addresses are to be ignored, whatever they are (section 2.2).
  if (!local && body.length < fixed) return malformed('addresses')
  const known = !local && (family === 0x11 || family === 0x21)
  const endpoints = known ? readEndpoints(body, addressBytes) : [undefined, undefined]
  const tlvs = local && body.length < fixed ? [] : readTlvs(body.subarray(fixed))
  if (tlvs === undefined) return malformed('tlv')
  const [source, destination] = endpoints
  return { kind: 'read', header: { local, source, destination, tlvs }, bytes }
}

function readEndpoints(body: Uint8Array, length: number): ProxyEndpoint[] {
  const ports = length * 2
  return [0, 1].map((i) => ({
    address: addressText(body.subarray(i * length, (i + 1) * length)),
    port: u16(body, ports + i * 2),
  }))
}

function readTlvs(bytes: Uint8Array): Tlv[] | undefined {
  const tlvs: Tlv[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 3 > bytes.length) return undefined
    const end = at + 3 + u16(bytes, at + 1)
    if (end > bytes.length) return undefined
    tlvs.push({ type: bytes[at] as number, value: bytes.slice(at + 3, end) })
    at = end
  }
  return tlvs
}

/**
 * Writes a header for a client at `source` that came to `destination`; LOCAL when either is undefined or no
 * address. A header has one family: of two, the IPv4 side is written as IPv6 (RFC 4291 section 2.5.5.2).
 *
 * @throws RangeError when the TLVs make the header longer than 4096 bytes
 */
export function writeProxyHeader(
  source: ProxyEndpoint | undefined,
  destination: ProxyEndpoint | undefined,
  tlvs: readonly Tlv[],
): Uint8Array {
  const from = source === undefined ? undefined : addressBytes(source.address)
  const to = destination === undefined ? undefined : addressBytes(destination.address)
  const known = from !== undefined && to !== undefined
  const isIpv4 = from?.length === 4 && to?.length === 4
  const body: number[] = []
  if (known) {
    body.push(...(isIpv4 ? [...from, ...to] : [...mapped(from), ...mapped(to)]))
    for (const port of [source?.port ?? 0, destination?.port ?? 0]) body.push(port >> 8, port & 255)
  }
  for (const { type, value } of tlvs)
    body.push(type, value.length >> 8, value.length & 255, ...value)
  if (FIXED_BYTES + body.length > PROXY_HEADER_BYTES_MAX) {
    throw new RangeError(`Cannot write a PROXY header of ${FIXED_BYTES + body.length} bytes`)
  }
  const family = known ? (isIpv4 ? 0x11 : 0x21) : 0
  const command = known ? 0x21 : 0x20
  return Uint8Array.of(
    ...PROXY_SIGNATURE,
    command,
    family,
    body.length >> 8,
    body.length & 255,
    ...body,
  )
}

/** What IPv4 addresses begin with as IPv6 ones, `::ffff:a.b.c.d`. */
const MAPPED = [...Array<number>(10).fill(0), 255, 255]

function mapped(address: readonly number[]): readonly number[] {
  return address.length === 4 ? [...MAPPED, ...address] : address
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (MAPPED.every((octet, i) => bytes[i] === octet)) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => u16(bytes, i * 2).toString(16))
  // The longest run of two or more zero groups becomes `::` (RFC 5952 section 4.2).
  let best = { from: 0, length: 1 }
  for (let from = 0; from < 8; from++) {
    let length = 0
    while (from + length < 8 && groups[from + length] === '0') length++
    if (length > best.length) best = { from, length }
  }
  if (best.length < 2) return groups.join(':')
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`
}

/** Octets of an address in text, undefined when it is none. */
export function addressBytes(text: string): number[] | undefined {
  const v4 = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(text)
  if (v4 !== null) {
    const octets = v4.slice(1).map(Number)
    return octets.every((octet) => octet < 256) ? octets : undefined
  }
  if (!/^[0-9a-f:]+$/i.test(text)) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [front = [], back = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - front.length - back.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...front, ...Array<string>(missing).fill('0'), ...back]
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}
