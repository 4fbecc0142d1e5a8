/**
 * Capture files: pcap (draft-ietf-opsawg-pcap) of both byte orders, in micro- and nanoseconds, and
 * pcapng (`pcapng.ts`). Out come packets with their link type; what is in them: `link-layer.ts`.
 *
 * @module
 */
import {
  CAPTURE_PACKETS_MAX,
  type Capture,
  type CapturedPacket,
  PACKET_BYTES_MAX,
} from './capture.ts'
import { readPcapng, SECTION_HEADER } from './pcapng.ts'

export type CaptureOutcome =
  | { readonly kind: 'capture'; readonly capture: Capture }
  | { readonly kind: 'not_a_capture' }

const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16

interface PcapFormat {
  readonly littleEndian: boolean
  /** Units of the second time field per millisecond. */
  readonly perMs: number
  /** Bytes of a record header. */
  readonly recordHeaderBytes: number
}

const FORMATS: Readonly<Record<number, Omit<PcapFormat, 'littleEndian'>>> = {
  2712847316: { perMs: 1e3, recordHeaderBytes: RECORD_HEADER_BYTES },
  2712812621: { perMs: 1e6, recordHeaderBytes: RECORD_HEADER_BYTES },
  // Alexey Kuznetzov's patched libpcap: 8 bytes more per record.
  2712849716: { perMs: 1e3, recordHeaderBytes: RECORD_HEADER_BYTES + 8 },
}

/** Reads a capture file, whichever of the two formats it has. Never throws. */
export function readCapture(file: Uint8Array): CaptureOutcome {
  if (file.length < 12) return { kind: 'not_a_capture' }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (view.getUint32(0) === SECTION_HEADER) return { kind: 'capture', capture: readPcapng(file) }
  const format = formatOf(view)
  if (format === undefined || file.length < FILE_HEADER_BYTES) return { kind: 'not_a_capture' }
  return { kind: 'capture', capture: readPcap(file, view, format) }
}

function formatOf(view: DataView): PcapFormat | undefined {
  for (const littleEndian of [true, false]) {
    const format = FORMATS[view.getUint32(0, littleEndian)]
    if (format !== undefined) return { ...format, littleEndian }
  }
  return undefined
}

function readPcap(file: Uint8Array, view: DataView, format: PcapFormat): Capture {
  const { littleEndian, perMs, recordHeaderBytes } = format
  // The upper bits of the field tell about frame check sequences.
  const linkType = view.getUint32(20, littleEndian) & 0xffff
  const packets: CapturedPacket[] = []
  let at = FILE_HEADER_BYTES
  while (at < file.length) {
    if (at + recordHeaderBytes > file.length) return cut(packets)
    const length = view.getUint32(at + 8, littleEndian)
    if (length > PACKET_BYTES_MAX) {
      return { packets, damage: `packet ${packets.length + 1} has ${length} bytes` }
    }
    const start = at + recordHeaderBytes
    if (start + length > file.length) return cut(packets)
    if (packets.length >= CAPTURE_PACKETS_MAX) return tooMany(packets)
    const seconds = view.getUint32(at, littleEndian)
    const fraction = view.getUint32(at + 4, littleEndian)
    packets.push({
      linkType,
      at: seconds * 1000 + fraction / perMs,
      bytes: file.subarray(start, start + length),
    })
    at = start + length
  }
  return { packets, damage: '' }
}

function cut(packets: readonly CapturedPacket[]): Capture {
  return { packets, damage: `the file ends in the middle of packet ${packets.length + 1}` }
}

function tooMany(packets: readonly CapturedPacket[]): Capture {
  return { packets, damage: `only the first ${CAPTURE_PACKETS_MAX} packets were read` }
}
