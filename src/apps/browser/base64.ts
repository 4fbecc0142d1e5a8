/**
 * Base64 (RFC 4648 sections 4 and 5) by what browsers have.
 *
 * @module
 */

export function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** Without padding. */
export function base64Url(bytes: Uint8Array): string {
  return toUrl(base64(bytes))
}

/** The same bytes in the other alphabet. */
export function toUrl(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Of either alphabet. @throws DOMException for what is none */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.trim().replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (char) => char.charCodeAt(0))
}
