/**
 * How a hello travelled. A stack sends its hello in one record and in as few packets as the path allows;
 * one that is cut into many small records or dripped in small pieces was cut on purpose. A hello that needs
 * two packets (post-quantum key shares do: LHS/1 section 3.3) is ordinary.
 *
 * @module
 */
import type { HelloFeatures } from './observation.ts'

/** '' is ordinary, `small-records` and `dripped` are cut on purpose; all else is an error code. */
export type HelloForm = string

/**
 * The least a TCP path carries at once: 536 bytes (RFC 9293 section 3.7.1) unless it was negotiated lower, so no
 * path cuts a hello into pieces of a quarter of that.
 */
const PIECE_BYTES_MIN = 134
/** Two pieces can be an accident of buffers; four cannot. */
const PIECES_MIN = 4

export function helloForm(error: string, features: HelloFeatures | undefined): HelloForm {
  if (error !== '' || features === undefined) return error === '' ? 'closed' : error
  const { records, chunks, bytes } = features
  if (records >= PIECES_MIN && bytes < records * PIECE_BYTES_MIN) return 'small-records'
  if (chunks >= PIECES_MIN && bytes < chunks * PIECE_BYTES_MIN) return 'dripped'
  return ''
}
