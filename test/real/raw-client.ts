/**
 * A client that sends octets as they are and says what came back, for tests of hostile input.
 *
 * @module
 */
import net from 'node:net'

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
  /** False when the connection ended before the body did. */
  readonly whole: boolean
}

export interface Outcome {
  /** Final responses in order; interim ones are left out. */
  readonly answers: readonly Answer[]
  /** What followed that is no response. */
  readonly rest: string
  /** The other side closed before we did. */
  readonly closed: boolean
  /** Nothing came to an end in time: a hang. */
  readonly hung: boolean
}

export interface Sending {
  readonly port: number
  /** Octets as characters; pieces are sent one turn of the event loop apart. */
  readonly pieces: readonly string[]
  /** Our side is ended after this many answers; 0: right behind the last octet. Else we wait for the close. */
  readonly endAfter?: number
  readonly withinMs: number
  /** Answers to HEAD have no body. */
  readonly bodyless?: boolean
}

/** Sends and waits for the connection to be over. Never rejects. */
export async function send(sending: Sending): Promise<Outcome> {
  const { port, pieces, endAfter, withinMs, bodyless = false } = sending
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  let text = ''
  let ended = false
  let closed = false
  let hung = false
  const end = () => {
    if (ended) return
    ended = true
    socket.end()
  }
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      hung = true
      socket.destroy()
      resolve()
    }, withinMs)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (endAfter && readAnswers(text, bodyless).answers.length >= endAfter) end()
    })
    socket.on('end', () => {
      closed = !ended
      end()
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  for (const piece of pieces) {
    if (socket.destroyed) break
    socket.write(Buffer.from(piece, 'latin1'))
    if (pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  if (endAfter === 0) end()
  await over
  return { ...readAnswers(text, bodyless), closed, hung }
}

/** Splits what a server said into final responses. */
export function readAnswers(
  text: string,
  bodyless: boolean,
): { readonly answers: readonly Answer[]; readonly rest: string } {
  const answers: Answer[] = []
  let at = 0
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n', at)
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(text.slice(at, at + 13))
    if (headEnd < 0 || status === null) return { answers, rest: text.slice(at) }
    const head = text.slice(at, headEnd + 2)
    const bodyAt = headEnd + 4
    const code = Number(status[1])
    if (code < 200) {
      at = bodyAt
      if (code === 101)
        return { answers: [{ status: 101, head, body: '', whole: true }], rest: text.slice(at) }
      continue
    }
    const none = bodyless || code === 204 || code === 304
    const { body, end, whole } = none
      ? { body: '', end: bodyAt, whole: true }
      : bodyOf(text, head, bodyAt)
    answers.push({ status: code, head, body, whole })
    at = end
  }
}

function bodyOf(
  text: string,
  head: string,
  from: number,
): { body: string; end: number; whole: boolean } {
  if (/^transfer-encoding: *chunked/im.test(head)) {
    let body = ''
    for (let at = from; ; ) {
      const lineEnd = text.indexOf('\r\n', at)
      const size = Number.parseInt(text.slice(at, lineEnd), 16)
      if (lineEnd < 0 || Number.isNaN(size)) return { body, end: text.length, whole: false }
      if (size === 0) {
        const end = text.startsWith('\r\n', lineEnd + 2)
          ? lineEnd
          : text.indexOf('\r\n\r\n', lineEnd)
        return { body, end: end < 0 ? text.length : end + 4, whole: end >= 0 }
      }
      body += text.slice(lineEnd + 2, lineEnd + 2 + size)
      at = lineEnd + 2 + size + 2
      if (at > text.length) return { body, end: text.length, whole: false }
    }
  }
  const length = /^content-length: *(\d+)/im.exec(head)
  if (length === null) return { body: text.slice(from), end: text.length, whole: true }
  const end = from + Number(length[1])
  return { body: text.slice(from, end), end: Math.min(end, text.length), whole: end <= text.length }
}
