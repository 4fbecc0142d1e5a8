/**
 * Asks the admin API. Failures are values: the page shows them, nothing is thrown.
 *
 * @module
 */
import { inSession } from './session-path.ts'

export type Failure =
  /** No answer at all. */
  | { readonly kind: 'offline' }
  /** 401: a token is needed. */
  | { readonly kind: 'unauthorised' }
  /** 403: the token's role is not enough. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** 404. */
  | { readonly kind: 'missing'; readonly detail: string }
  /** Anything else, in the words of the problem document (RFC 9457). */
  | { readonly kind: 'problem'; readonly detail: string }

export type Outcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** An answer takes this long at most, or counts as none. */
const TIMEOUT_MS = 8000

export function getJson<T>(path: string): Promise<Outcome<T>> {
  return request<T>(path, { method: 'GET' })
}

export function sendJson<T>(
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Outcome<T>> {
  if (body === undefined) return request<T>(path, { method })
  const headers = { 'content-type': 'application/json' }
  return request<T>(path, { method, headers, body: JSON.stringify(body) })
}

async function request<T>(path: string, init: RequestInit): Promise<Outcome<T>> {
  try {
    const response = await fetch(inSession(path), {
      ...init,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    if (!response.ok) return failed(readFailure(response.status, text))
    return { kind: 'ok', value: (text === '' ? undefined : JSON.parse(text)) as T }
  } catch (error) {
    if (error instanceof SyntaxError) {
      return failed({ kind: 'problem', detail: 'The answer was not JSON' })
    }
    return failed({ kind: 'offline' })
  }
}

export function readFailure(status: number, body: string): Failure {
  if (status === 401) return { kind: 'unauthorised' }
  const detail = readDetail(body) || `The server answered ${status}`
  if (status === 403) return { kind: 'forbidden', detail }
  if (status === 404) return { kind: 'missing', detail }
  return { kind: 'problem', detail }
}

function readDetail(body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value !== 'object' || value === null) return ''
    if ('detail' in value && typeof value.detail === 'string') return value.detail
    return 'title' in value && typeof value.title === 'string' ? value.title : ''
  } catch {
    return ''
  }
}

function failed(failure: Failure): { readonly kind: 'failed'; readonly failure: Failure } {
  return { kind: 'failed', failure }
}
