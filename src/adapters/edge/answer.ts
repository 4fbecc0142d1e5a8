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

/** All of it for HTTP/1.1; `withBody` is false for HEAD. */
export function answerHttp1(answer: Answer, keepAlive: boolean, withBody: boolean): Buffer {
  const fields = answer.fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const connection = keepAlive ? '' : 'Connection: close\r\n'
  return Buffer.from(
    `HTTP/1.1 ${answer.status} ${STATUS_TEXTS[answer.status] ?? 'Error'}\r\n${fields}` +
      `Content-Length: ${Buffer.byteLength(answer.body)}\r\n${connection}\r\n` +
      (withBody ? answer.body : ''),
  )
}
