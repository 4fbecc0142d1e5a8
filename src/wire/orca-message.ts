/**
 * The protobuf message `xds.data.orca.v3.OrcaLoadReport`, as far as it is used here. Each field is a tag (varint: number * 8 + wire
 * type) and a value:
 *
 * | field | wire type | what |
 * |---|---|---|
 * | 1, 2, 6, 7, 9 | 1 | `cpu_utilization`, `mem_utilization`, `rps_fractional`, `eps`, `application_utilization`: double, little-endian |
 * | 5, 8 | 2 | an entry of `utilization`, `named_metrics`: a length, then field 1 (name, a length and ASCII) and 2 (double) |
 * | others | 0, 1, 2, 5 | passed over; groups (3, 4) are refused |
 *
 * Of a double that comes again the last counts, as protobuf has it; one that is left out is 0 there, and not said here.
 *
 * @module
 */

/** What takes in the values. */
export interface OrcaFields {
  scalar(field: string, value: number): boolean
  entry(
    map: 'utilization' | 'named_metrics',
    name: string,
    value: number,
    isAgain: boolean,
  ): boolean
}

const DOUBLES: ReadonlyMap<number, string> = new Map([
  [1, 'cpu_utilization'],
  [2, 'mem_utilization'],
  [6, 'rps_fractional'],
  [7, 'eps'],
  [9, 'application_utilization'],
])
const MAPS: ReadonlyMap<number, 'utilization' | 'named_metrics'> = new Map([
  [5, 'utilization'],
  [8, 'named_metrics'],
] as const)
/** A varint of 64 bits has as many octets at most. */
const VARINT_OCTETS_MAX = 10

/** False when the octets are no such message, or a value is refused. */
export function readOrcaMessage(bytes: Uint8Array, fields: OrcaFields): boolean {
  const scalars = new Map<string, number>()
  const isRead = eachField(bytes, (number, value) => {
    const name = DOUBLES.get(number)
    const map = MAPS.get(number)
    if (name !== undefined) {
      if (typeof value !== 'number') return false
      scalars.set(name, value)
    } else if (map !== undefined) return readEntry(map, value, fields)
    return true
  })
  return isRead && [...scalars].every(([name, value]) => fields.scalar(name, value))
}

function readEntry(
  map: 'utilization' | 'named_metrics',
  bytes: FieldValue,
  fields: OrcaFields,
): boolean {
  if (!(bytes instanceof Uint8Array)) return false
  let name = ''
  let measure = 0
  const isRead = eachField(bytes, (number, value) => {
    if (number === 1 && value instanceof Uint8Array)
      name = String.fromCharCode(...value.subarray(0, 256))
    else if (number === 2 && typeof value === 'number') measure = value
    else return number > 2
    return true
  })
  return isRead && fields.entry(map, name, measure, true)
}

/** A double, the octets of what has a length, undefined for the rest. */
type FieldValue = number | Uint8Array | undefined

function eachField(
  bytes: Uint8Array,
  take: (number: number, value: FieldValue) => boolean,
): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < bytes.length) {
    const tag = readVarint(bytes, at)
    if (tag === undefined || tag.value < 8) return false
    at = tag.end
    const field = readValue(bytes, view, at, tag.value % 8)
    if (field === undefined || !take(Math.floor(tag.value / 8), field.value)) return false
    at = field.end
  }
  return true
}

function readValue(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  wireType: number,
): { readonly value: FieldValue; readonly end: number } | undefined {
  const within = (value: () => FieldValue, end: number) =>
    end <= bytes.length ? { value: value(), end } : undefined
  if (wireType === 1) return within(() => view.getFloat64(at, true), at + 8)
  if (wireType === 5) return within(() => undefined, at + 4)
  const varint = wireType === 0 || wireType === 2 ? readVarint(bytes, at) : undefined
  if (varint === undefined || wireType === 0) return varint && { value: undefined, end: varint.end }
  const end = varint.end + varint.value
  return within(() => bytes.subarray(varint.end, end), end)
}

function readVarint(
  bytes: Uint8Array,
  from: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let i = 0; i < VARINT_OCTETS_MAX; i++) {
    const octet = bytes[from + i]
    if (octet === undefined) return undefined
    value += (octet & 127) * 2 ** (7 * i)
    if (octet < 128) return { value, end: from + i + 1 }
  }
  return undefined
}
