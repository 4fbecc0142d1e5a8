/**
 * Bodies sealed under a session's body key (LSK/1 section 1.7; RFC 8188): what the edge needs to open and seal them as
 * they pass, and what that does to the fields of a message. Records and keys are the guard's (`session-guard.ts`).
 *
 * @module
 */
import { fieldValue } from '../../wire/field-value.ts'
import type { SealedBodyError } from '../../wire/sealed-body.ts'

/** Of one session. */
export interface BodySealing {
  /** For a request's body. */
  opener(): BodyOpener
  /** For an answer's body. */
  sealer(): BodySealer
}

/** Opens a body that comes in pieces; after an error it is over. */
export interface BodyOpener {
  /** The content of a piece, as far as it is authentic. */
  push(piece: Uint8Array): Buffer | SealedBodyError
  end(): Buffer | SealedBodyError
}

/** Seals a body that comes in pieces, which may be changed afterwards. */
export interface BodySealer {
  push(piece: Uint8Array): Buffer
  end(): Buffer
}

/** What has become of an answer's head. */
export interface SealedHead {
  /** There is content, or there would be for another method than HEAD: it is coded. */
  readonly isCoded: boolean
  /** Its Content-Length says that there is none. */
  readonly isEmpty: boolean
}

const CODING = 'aes128gcm'
/**
 * Of a request: what is said of the sealed body, and ranges: what is a part of something that is sealed anew each time?
 * The server is asked for all of it.
 */
const NOT_SENT_ON = /^(?:content-(?:encoding|length|digest)|repr-digest|digest|range|if-range)$/i
/** Of an answer: what is said of the body before it was sealed, and the framing, which is the edge's. */
const NOT_ANSWERED =
  /^(?:content-(?:encoding|length|digest|md5)|repr-digest|digest|accept-ranges|cache-control|connection|keep-alive|proxy-connection|upgrade|transfer-encoding)$/i
/** Nobody else could read it, and not the client itself after its next rotation. */
const NOT_KEPT = 'Cache-Control: no-store'
const DIGEST = /^(?:content-digest|repr-digest|digest)$/i

/** @param codings value of Content-Encoding, of several fields joined */
export function isSealed(codings: string): boolean {
  return listOf(codings).at(-1)?.toLowerCase() === CODING
}

/** Is this field of a request not for the server? @param name in any case */
export function isOfSeal(name: string): boolean {
  return NOT_SENT_ON.test(name)
}

/** The field of an opened body, with CR LF; '' when sealing was its only coding. */
export function openedCodings(codings: string): string {
  const kept = listOf(codings).slice(0, -1)
  return kept.length === 0 ? '' : `Content-Encoding: ${kept.join(', ')}\r\n`
}

/** The field lines of an answer whose body is sealed as it passes. @param lines without CR LF */
export function sealedLines(lines: readonly string[], { isCoded, isEmpty }: SealedHead): string[] {
  const codings: string[] = []
  const kept: string[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = fieldValue(line, colon + 1)
    if (name === 'content-encoding') codings.push(...listOf(value))
    // Sealed anew each time, it is the same in meaning only (RFC 9110 section 8.8.1).
    else if (name === 'etag') kept.push(value.startsWith('W/') ? line : `ETag: W/${value}`)
    else if (name === 'content-length' && isEmpty) kept.push(line)
    else if (line !== '' && !NOT_ANSWERED.test(name)) kept.push(line)
  }
  if (isCoded) codings.push(CODING)
  if (codings.length > 0) kept.push(`Content-Encoding: ${codings.join(', ')}`)
  return [...kept, NOT_KEPT]
}

/** Trailer fields behind a sealed body: a digest would be of what it was before. @param lines each with CR LF */
export function sealedTrailer(lines: string): string {
  return lines
    .split('\r\n')
    .filter((line) => line !== '' && !DIGEST.test(line.slice(0, line.indexOf(':'))))
    .map((line) => `${line}\r\n`)
    .join('')
}

function listOf(value: string): string[] {
  return value
    .split(',')
    .map((each) => fieldValue(each))
    .filter((each) => each !== '')
}
