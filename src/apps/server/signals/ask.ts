/**
 * One request to another party, and its answer within bounds of time and size; no redirect is followed. That the answer does not
 * come is a value: `why` names neither a URL nor a secret.
 *
 * @module
 */

export interface Asked {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly bytesMax: number
  readonly signal: AbortSignal
}

export type Answered =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly type: string
      readonly body: Buffer
    }
  | { readonly kind: 'silent'; readonly why: string }

const ANSWER_MS = 10_000

export async function ask(url: string, asked: Asked): Promise<Answered> {
  const { method, headers, body, bytesMax, signal } = asked
  try {
    const response = await fetch(url, {
      ...{ method, headers: { 'user-agent': 'limen', ...headers }, redirect: 'manual' },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    })
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of response.body ?? []) {
      length += piece.length
      // Leaving the loop ends the connection.
      if (length > bytesMax) return { kind: 'silent', why: 'its answer is too large' }
      pieces.push(piece)
    }
    const type = response.headers.get('content-type') ?? ''
    return { kind: 'answered', status: response.status, type, body: Buffer.concat(pieces) }
  } catch (error) {
    const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException }
    return { kind: 'silent', why: name === 'TimeoutError' ? 'no answer in time' : codeOf(cause) }
  }
}

function codeOf(cause: NodeJS.ErrnoException | undefined): string {
  return cause?.code ?? 'no connection'
}
