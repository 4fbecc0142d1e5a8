/**
 * An answer of Limen's own that is more than a refusal (`refusal.ts`).
 *
 * @module
 */
import { STATUS_TEXTS } from './refusal.ts'

export interface Answer {
  readonly status: number
  /** Without Content-Length and Connection. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** Of octets, and perhaps not Limen's own. */
export interface OctetAnswer extends Omit<Answer, 'body'> {
  readonly body: Buffer
}

/** All of it for HTTP/1.1; `withBody` is false for HEAD. */
export function answerHttp1(
  answer: Answer | OctetAnswer,
  keepAlive: boolean,
  withBody: boolean,
): Buffer {
  const { status, body } = answer
  const fields = [...answer.fields, ...lengthOf(answer)]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const connection = keepAlive ? '' : 'Connection: close\r\n'
  const head = `HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? 'Error'}\r\n${fields}${connection}\r\n`
  const octets = Buffer.from(head, 'latin1')
  return withBody ? Buffer.concat([octets, Buffer.from(body)]) : octets
}

/** Content-Length, unless it would speak of another answer: that of a 304 is the length of the 200. */
export function lengthOf({
  status,
  body,
}: Answer | OctetAnswer): readonly (readonly [name: string, value: string])[] {
  return status === 304 ? [] : [['Content-Length', String(Buffer.byteLength(body))]]
}
