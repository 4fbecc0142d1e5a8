/**
 * A response head is rewritten in the buffer it was read into: what is cut out is closed by moving the
 * front part to the right, what is added goes behind the status line by moving that one to the left.
 * The head and the body behind it stay one run of octets, sent by one write.
 *
 * @module
 */
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import { OCTETS, textOf } from './octets.ts'

/**
 * Cuts the connection-level fields (with `dechunk` also Transfer-Encoding), adds lines (each with CR LF).
 * @returns where the head begins now; it ends where it did. At most 2 KiB may be added.
 */
export function rewriteHead(
  response: ResponseHeadReader,
  dechunk: boolean,
  added: readonly Buffer[],
): number {
  const start = response.start
  let from = response.cutCount > 0 ? cutFields(response) : start
  if (dechunk) from = cutTransferEncoding(response, from)
  let statusEnd = response.statusLineEnd + from - start
  for (const line of added) {
    OCTETS.copyWithin(from - line.length, from, statusEnd)
    line.copy(OCTETS, statusEnd - line.length)
    statusEnd -= line.length
    from -= line.length
  }
  return from
}

/** Field lines without CR LF, those left out that are cut. */
export function keptLines(response: ResponseHeadReader): string[] {
  let kept = ''
  let from = response.statusLineEnd
  for (let k = 0; k < response.cutCount; k++) {
    kept += textOf(from, response.cuts[2 * k] as number)
    from = response.cuts[2 * k + 1] as number
  }
  return `${kept}${textOf(from, response.end - 2)}`.split('\r\n').filter((line) => line !== '')
}

/** The head that says that another protocol is spoken from here on (RFC 9110 section 15.2.2). */
export function switchingHead(response: ResponseHeadReader): Buffer {
  const protocol = textOf(response.upgradeStart, response.upgradeEnd)
  const kept = keptLines(response)
    .map((line) => `${line}\r\n`)
    .join('')
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\n${kept}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
    'latin1',
  )
}

/** From the last cut to the first: what lies in front of one has moved by all that lie behind it. */
function cutFields(response: ResponseHeadReader): number {
  let from = response.start
  for (let k = response.cutCount - 1; k >= 0; k--) {
    const moved = from - response.start
    const cutFrom = (response.cuts[2 * k] as number) + moved
    const length = (response.cuts[2 * k + 1] as number) + moved - cutFrom
    OCTETS.copyWithin(from + length, from, cutFrom)
    from += length
  }
  return from
}

function cutTransferEncoding(response: ResponseHeadReader, from: number): number {
  const { transferEncodingStart: start, transferEncodingEnd: end } = response
  // Only cuts behind the line have moved it.
  let moved = 0
  for (let k = 0; k < response.cutCount; k++) {
    const cutFrom = response.cuts[2 * k] as number
    if (cutFrom > start) moved += (response.cuts[2 * k + 1] as number) - cutFrom
  }
  const length = end - start
  OCTETS.copyWithin(from + length, from, start + moved)
  return from + length
}
