/**
 * A request head as the upstream gets it: what the edge cuts is left out, what it adds is behind. When a
 * body follows that is framed anew, the head is left open (no empty line): the framing is added once it is known.
 *
 * @module
 */
import type { RequestHeadReader } from '../../wire/request-head.ts'
import { allocate, OCTETS, textOf } from './octets.ts'

export interface HeadForwarding {
  readonly upgrade: boolean
  /** Of an upgrade, where it is not sent on as it came. */
  readonly target: string | undefined
  /** Framing and the empty line follow. */
  readonly isOpen: boolean
}

/**
 * From the request line in `OCTETS` that `head` describes.
 *
 * @param added field lines with CR LF
 */
export function forwardedHead(
  head: RequestHeadReader,
  host: string,
  added: readonly Buffer[],
  how: HeadForwarding,
): Buffer {
  if (head.absolute || how.upgrade || how.target !== undefined || head.minorVersion === 0) {
    return unusualHead(head, host, added, how)
  }
  const last = head.end - 2
  let length = last - head.start
  for (let k = 0; k < head.cutCount; k++) {
    length -= (head.cuts[2 * k + 1] as number) - (head.cuts[2 * k] as number)
  }
  for (const lines of added) length += lines.length
  if (!how.isOpen) length += 2
  const request = allocate(length)
  let at = 0
  let from = head.start
  for (let k = 0; k < head.cutCount; k++) {
    at += OCTETS.copy(request, at, from, head.cuts[2 * k] as number)
    from = head.cuts[2 * k + 1] as number
  }
  at += OCTETS.copy(request, at, from, last)
  for (const lines of added) at += lines.copy(request, at)
  if (!how.isOpen) {
    request[at++] = 13
    request[at++] = 10
  }
  // Room is not zeroed: whatever cuts there are, nothing of another request goes along.
  return at === length ? request : request.subarray(0, at)
}

/** Field lines with CR LF, those left out that are cut. */
export function forwardedLines(head: RequestHeadReader): string {
  let fields = ''
  let from = head.targetEnd + ' HTTP/1.1\r\n'.length
  for (let k = 0; k < head.cutCount; k++) {
    fields += textOf(from, head.cuts[2 * k] as number)
    from = head.cuts[2 * k + 1] as number
  }
  return fields + textOf(from, head.end - 2)
}

/** Absolute targets and other ones than came, upgrades, HTTP/1.0: rare enough for strings. */
function unusualHead(
  head: RequestHeadReader,
  host: string,
  added: readonly Buffer[],
  { upgrade, target = textOf(head.targetStart, head.targetEnd), isOpen }: HeadForwarding,
): Buffer {
  const method = textOf(head.start, head.methodEnd)
  const path = target.startsWith('/') || target === '*' ? target : `/${target}`
  let fields = forwardedLines(head)
  if (head.absolute || head.hostStart === 0) fields = `Host: ${host}\r\n${fields}`
  if (upgrade) {
    const protocol = textOf(head.upgradeStart, head.upgradeEnd)
    fields += `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  }
  const more = added.map((lines) => lines.toString('latin1')).join('')
  const end = isOpen ? '' : '\r\n'
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields}${more}${end}`, 'latin1')
}
