/**
 * The head of the HTTP/1.x request that is being looked at, in `OCTETS`, and what is asked of it beyond its offsets. Heads
 * are parsed within one callback: one reader serves all connections of a worker.
 *
 * @module
 */
import { fieldValue } from '../../wire/field-value.ts'
import { RequestHeadReader } from '../../wire/request-head.ts'
import { OCTETS, textOf } from './octets.ts'

export const head = new RequestHeadReader()

/** The request target as text; only asked for when there is more than one route. */
export function target(): string {
  return textOf(head.targetStart, head.targetEnd)
}

/** A field as text, '' when there is none; the first of several. Not for the hot path. */
export function fieldOf(name: string): string {
  const text = textOf(head.start, head.end)
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, 'i').exec(text)?.[1]?.trimEnd() ?? ''
}

/** All Cookie fields as one, as HTTP/2 has them (RFC 9113 section 8.2.3): servers join them, too. '' when there is none. */
export function cookies(): string {
  const { cookieCount, cookieStart, cookieEnd, start, end } = head
  if (cookieCount === 0) return ''
  if (cookieCount === 1) return textOf(cookieStart, cookieEnd)
  const lines = textOf(start, end).matchAll(/\r\ncookie:[ \t]*([^\r]*)/gi)
  return Array.from(lines, ([, value = '']) => fieldValue(value))
    .filter((value) => value !== '')
    .join('; ')
}

/** Only HEAD itself: the answer to any other method beginning with H has a body. */
export function isHeadMethod(): boolean {
  return head.methodEnd - head.start === 4 && OCTETS[head.start] === 72 && isMethod('HEAD')
}

/** GET, HEAD, OPTIONS, PUT, DELETE (RFC 9110 section 9.2.2). */
export function isIdempotent(): boolean {
  const isGet = head.methodEnd - head.start === 3 && OCTETS[head.start] === 71 && isMethod('GET')
  return isGet || /^(?:HEAD|OPTIONS|PUT|DELETE)$/.test(textOf(head.start, head.methodEnd))
}

/** Whether Host is exactly this, without making a string of it. */
export function isHost(host: string): boolean {
  if (host.length !== head.hostEnd - head.hostStart) return false
  for (let i = 0; i < host.length; i++) {
    if (OCTETS[head.hostStart + i] !== host.charCodeAt(i)) return false
  }
  return true
}

/** `Upgrade: h2c` would let a client speak past the edge: it is answered as plain HTTP/1.1. */
export function isH2c(): boolean {
  return /\bh2c\b/i.test(textOf(head.upgradeStart, head.upgradeEnd))
}

/** RFC 6455 section 4.1. */
export function isWebSocket(): boolean {
  const isGet = head.methodEnd - head.start === 3 && isMethod('GET')
  return isGet && /^websocket$/i.test(textOf(head.upgradeStart, head.upgradeEnd))
}

function isMethod(method: string): boolean {
  for (let i = 0; i < method.length; i++) {
    if (OCTETS[head.start + i] !== method.charCodeAt(i)) return false
  }
  return true
}
