/**
 * A bearer token (RFC 6750) in a file, and whether a request shows it.
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** RFC 6750 section 2.1, b64token; 16 characters at least, so that nobody guesses it. */
const TOKEN = /^[A-Za-z0-9._~+/-]{16,512}=*$/

/** @throws Error that says what is wrong, and never what is in the file */
export function readBearerToken(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Error((error as NodeJS.ErrnoException).code ?? 'unreadable', { cause: error })
  }
  if (!TOKEN.test(text)) throw new Error('it must hold 16 to 512 letters, digits or . _ ~ + / -')
  return text
}

/** @param authorization of the request. In time that says nothing of the token. */
export function showsToken(authorization: string | undefined, token: string): boolean {
  const shown = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(shown), digest(token))
}
