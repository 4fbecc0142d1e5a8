/**
 * What Limen answers by itself: problem details (RFC 9457) over HTTP/1.1 and HTTP/2.
 *
 * @module
 */
import { REQUEST_REFUSALS, type RequestRefusal } from '../../wire/request-head.ts'
import type { ExchangeFailure } from './exchange.ts'

const OTHERS = {
  'head-timeout': { status: 408, text: 'the request did not arrive in time' },
  'body-timeout': { status: 408, text: 'the request body did not arrive in time' },
  'body-too-large': { status: 413, text: 'the request body is too large' },
  'bad-chunk-size': { status: 400, text: 'a chunk size is malformed' },
  'bad-chunk-extension': { status: 400, text: 'a chunk extension is malformed or too large' },
  'bad-chunk-end': { status: 400, text: 'a chunk does not end where its size says' },
  'bad-trailer': { status: 400, text: 'the trailer section is malformed or too large' },
  'plain-on-tls': { status: 400, text: 'this port speaks TLS: ask with https' },
  'no-route': { status: 404, text: 'nothing is served at this address' },
  'too-many-connections': { status: 503, text: 'too many connections' },
  'no-upstream': { status: 503, text: 'no server is able to answer at the moment' },
  'upstream-busy': { status: 503, text: 'all servers are busy' },
  'upstream-unreachable': { status: 502, text: 'the server could not be reached' },
  'upstream-reset': { status: 502, text: 'the server closed the connection before it answered' },
  'upstream-malformed': {
    status: 502,
    text: 'the server gave an answer that cannot be understood',
  },
  'slow-reader': { status: 503, text: 'the response was not read while others waited' },
  'upstream-timeout': { status: 504, text: 'the server did not answer in time' },
} as const

export type RefusalCode = RequestRefusal | ExchangeFailure | keyof typeof OTHERS

const REFUSALS: Readonly<Record<RefusalCode, { readonly status: number; readonly text: string }>> =
  {
    ...REQUEST_REFUSALS,
    ...OTHERS,
  }

export const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: 'OK',
  303: 'See Other',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

export interface Refusal {
  readonly status: number
  /** `application/problem+json`. */
  readonly body: string
}

/** The answer for `code`; `decision` is the id a person can ask `limen decisions explain` about. */
export function refusal(code: RefusalCode, decision: string): Refusal {
  const { status, text } = REFUSALS[code]
  const body = JSON.stringify({
    type: `urn:limen:err:${code}`,
    title: STATUS_TEXTS[status] ?? 'Error',
    status,
    detail: text,
    ...(decision === '' ? {} : { decision }),
  })
  return { status, body }
}

/** A whole HTTP/1.1 answer that ends the connection. */
export function refusalHttp1(code: RefusalCode, decision: string, withBody: boolean): Buffer {
  const { status, body } = refusal(code, decision)
  const retry = status === 503 ? 'Retry-After: 1\r\n' : ''
  return Buffer.from(
    `HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? 'Error'}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\n${retry}Connection: close\r\n\r\n` +
      (withBody ? body : ''),
    'latin1',
  )
}
