/**
 * Trailer fields of a chunked message, as far as they may be sent on (RFC 9110 section 6.5.1): none that
 * frames, routes, authenticates or changes how the content is read.
 *
 * @module
 */
import type { ChunkedReader } from '../../wire/chunked-body.ts'

const NOT_IN_TRAILERS =
  /^(?:content-(?:length|encoding|type|range)|transfer-encoding|host|trailer|te|connection|keep-alive|upgrade|http2-settings|expect|authorization|proxy-.*|cookie|set-cookie|cache-control|range|if-.*|max-forwards|via|forwarded|x-forwarded-.*|x-real-ip|limen-.*|sessionkey.*)$/i

/** The field lines to send on, each with CR LF; '' when there are none. */
export function filteredTrailer(reader: ChunkedReader): string {
  if (reader.trailer.length === 0) return ''
  return sendableTrailer(Buffer.from(reader.trailer).toString('latin1'))
}

/** The same for lines in text: what a response may not trail with is no different. */
export function sendableTrailer(lines: string): string {
  return lines
    .split('\r\n')
    .filter(
      (line) =>
        line !== '' && !NOT_IN_TRAILERS.test(line.slice(0, line.indexOf(':')).replaceAll('_', '-')),
    )
    .map((line) => `${line}\r\n`)
    .join('')
}
