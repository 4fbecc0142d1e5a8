/**
 * pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, any number of interfaces, enhanced,
 * simple and (obsolete) packet blocks. All other blocks are passed over.
 *
 * @module
 */
import {
  CAPTURE_PACKETS_MAX,
  type Capture,
  type CapturedPacket,
  PACKET_BYTES_MAX,
} from './capture.ts'

/** Type of the block that begins a section; the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a
const INTERFACE_DESCRIPTION = 1
const PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6

const BYTE_ORDER_MAGIC = 0x1a2b3c4d
/** Type, length, and the length again at the end. */
const BLOCK_BYTES_MIN = 12
/** Ours: the largest block passed over; a decryption secrets block may be large. */
const BLOCK_BYTES_MAX = 1 << 28

const OPTION_TIME_RESOLUTION = 9
const OPTION_TIME_OFFSET = 14

interface Interface {
  readonly linkType: number
  readonly snapLength: number
  readonly unitsPerMs: number
  readonly offsetMs: number
}

interface Block {
  readonly type: number
  /** Of the body, in the file. */
  readonly start: number
  readonly end: number
}

/** Reads the packets of a pcapng file. Never throws. */
export function readPcapng(file: Uint8Array): Capture {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const packets: CapturedPacket[] = []
  let interfaces: Interface[] = []
  let littleEndian = true
  let at = 0
  while (at < file.length) {
    if (at + BLOCK_BYTES_MIN > file.length) return cut(packets)
    if (view.getUint32(at) === SECTION_HEADER) {
      const order = byteOrder(view, at + 8)
      if (order === undefined) return { packets, damage: 'a section has no byte order' }
      littleEndian = order
      interfaces = []
    }
    const length = view.getUint32(at + 4, littleEndian)
    if (length < BLOCK_BYTES_MIN || length > BLOCK_BYTES_MAX) {
      return { packets, damage: `a block of ${length} bytes after packet ${packets.length}` }
    }
    if (at + length > file.length) return cut(packets)
    const block = { type: view.getUint32(at, littleEndian), start: at + 8, end: at + length - 4 }
    if (block.type === INTERFACE_DESCRIPTION && block.end >= block.start + 8) {
      interfaces.push(readInterface(view, block, littleEndian))
    } else {
      const packet = readPacket(file, view, block, interfaces, littleEndian)
      if (packet !== undefined) packets.push(packet)
      if (packets.length >= CAPTURE_PACKETS_MAX) {
        return { packets, damage: `only the first ${CAPTURE_PACKETS_MAX} packets were read` }
      }
    }
    // Blocks are padded to 32 bits; some writers leave the padding out of the length.
    at += (length + 3) & ~3
  }
  return { packets, damage: '' }
}

function byteOrder(view: DataView, at: number): boolean | undefined {
  if (view.getUint32(at, true) === BYTE_ORDER_MAGIC) return true
  return view.getUint32(at, false) === BYTE_ORDER_MAGIC ? false : undefined
}

function readInterface(view: DataView, block: Block, littleEndian: boolean): Interface {
  let unitsPerMs = 1e3
  let offsetMs = 0
  let at = block.start + 8
  while (at + 4 <= block.end) {
    const option = view.getUint16(at, littleEndian)
    const length = view.getUint16(at + 2, littleEndian)
    const value = at + 4
    if (option === 0 || value + length > block.end) break
    if (option === OPTION_TIME_RESOLUTION && length === 1) {
      const exponent = view.getUint8(value)
      // The top bit chooses powers of two.
      unitsPerMs = (exponent & 0x80 ? 2 ** (exponent & 0x7f) : 10 ** exponent) / 1000
    }
    if (option === OPTION_TIME_OFFSET && length === 8) {
      offsetMs = Number(view.getBigInt64(value, littleEndian)) * 1000
    }
    at = value + ((length + 3) & ~3)
  }
  return {
    linkType: view.getUint16(block.start, littleEndian),
    snapLength: view.getUint32(block.start + 4, littleEndian),
    unitsPerMs,
    offsetMs,
  }
}

function readPacket(
  file: Uint8Array,
  view: DataView,
  block: Block,
  interfaces: readonly Interface[],
  littleEndian: boolean,
): CapturedPacket | undefined {
  const u32 = (offset: number) => view.getUint32(block.start + offset, littleEndian)
  if (block.type === SIMPLE_PACKET && block.end >= block.start + 4) {
    const from = interfaces[0]
    if (from === undefined) return undefined
    const wire = u32(0)
    const length = Math.min(wire, from.snapLength === 0 ? wire : from.snapLength)
    return packetOf(file, block, 4, length, from, 0)
  }
  if (block.type !== ENHANCED_PACKET && block.type !== PACKET) return undefined
  if (block.end < block.start + 20) return undefined
  const index = block.type === ENHANCED_PACKET ? u32(0) : view.getUint16(block.start, littleEndian)
  const from = interfaces[index]
  if (from === undefined) return undefined
  const at = (u32(4) * 2 ** 32 + u32(8)) / from.unitsPerMs + from.offsetMs
  return packetOf(file, block, 20, u32(12), from, at)
}

function packetOf(
  file: Uint8Array,
  block: Block,
  headerBytes: number,
  length: number,
  from: Interface,
  at: number,
): CapturedPacket | undefined {
  const start = block.start + headerBytes
  if (length > PACKET_BYTES_MAX) return undefined
  // A packet that reaches past its block is damage; what is there may still be a whole hello.
  const end = Math.min(start + length, block.end)
  return { linkType: from.linkType, at, bytes: file.subarray(start, end) }
}

function cut(packets: readonly CapturedPacket[]): Capture {
  return {
    packets,
    damage: `the file ends in the middle of a block after packet ${packets.length}`,
  }
}
