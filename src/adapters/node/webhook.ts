/**
 * Tells another host by POST, signed as Standard Webhooks 1.0.0 has it (standardwebhooks.com): `webhook-id`, `webhook-timestamp`
 * and `webhook-signature`, HMAC-SHA256 over all three parts. What is not taken is sent again with the same id, ever more seldom, until
 * something newer is to be told or the time is up. Nobody waits for it.
 *
 * @module
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

export interface WebhookOptions {
  readonly url: string
  readonly secret: KeyObject
  /** Ms since the Unix epoch. */
  now(): number
  /** Unique over restarts. */
  nextId(): string
  /** What became of it, after so many attempts; `why` names no URL. */
  onEnd(taken: boolean, attempts: number, why: string): void
  /** Less in tests. */
  readonly pauseMs?: number
  readonly deadlineMs?: number
}

export interface Webhook {
  /** Replaces what was not taken yet. */
  send(body: object): void
  close(): void
}

/** For one answer, as the standard recommends 15 to 30 s; what it says does not matter. */
const ANSWER_MS = 15_000
/** Before the second attempt; twice as long before each further one. */
const PAUSE_MS = 1000
const PAUSE_MS_MAX = 60_000
/** What was to be told so long ago helps nobody. */
const DEADLINE_MS = 600_000
/** The standard: "between 24 bytes and 64 bytes". */
const SECRET_BYTES = { least: 24, most: 64 }
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/

/** @returns undefined when it is not `whsec_` and base64 of 24 to 64 bytes */
export function readWebhookSecret(text: string): KeyObject | undefined {
  const [, base64 = ''] = SECRET.exec(text.trim()) ?? []
  const bytes = Buffer.from(base64, 'base64')
  const { least, most } = SECRET_BYTES
  const isGood = bytes.length >= least && bytes.length <= most
  const key = isGood ? createSecretKey(bytes) : undefined
  bytes.fill(0)
  return key
}

/** The value of `webhook-signature`. @param timestampS as in `webhook-timestamp` */
export function signWebhook(
  secret: KeyObject,
  id: string,
  timestampS: number,
  body: string,
): string {
  const signed = createHmac('sha256', secret).update(`${id}.${timestampS}.${body}`)
  return `v1,${signed.digest('base64')}`
}

export function openWebhook(options: WebhookOptions): Webhook {
  const { pauseMs = PAUSE_MS, deadlineMs = DEADLINE_MS } = options
  let next: string | undefined
  let isRunning = false
  const closing = new AbortController()
  let wake = (): void => {}

  const deliver = async (body: string): Promise<void> => {
    const id = `msg_${options.nextId()}`
    const until = options.now() + deadlineMs
    for (let attempt = 1; !closing.signal.aborted; attempt++) {
      const why = await post(options, id, body, closing.signal)
      if (why === undefined) return options.onEnd(true, attempt, '')
      if (closing.signal.aborted) return
      if (next !== undefined)
        return options.onEnd(false, attempt, `${why}; replaced by a newer one`)
      if (options.now() >= until) return options.onEnd(false, attempt, why)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(PAUSE_MS_MAX, pauseMs * 2 ** (attempt - 1)))
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      if (next !== undefined)
        return options.onEnd(false, attempt, `${why}; replaced by a newer one`)
    }
  }
  const run = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    while (next !== undefined && !closing.signal.aborted) {
      const body = next
      next = undefined
      await deliver(body)
    }
    isRunning = false
  }
  return {
    send(body) {
      next = JSON.stringify(body)
      wake()
      void run()
    },
    close() {
      closing.abort()
      wake()
    },
  }
}

/** @returns why not, or undefined when it was taken */
async function post(
  { url, secret, now }: WebhookOptions,
  id: string,
  body: string,
  closing: AbortSignal,
): Promise<string | undefined> {
  const timestampS = Math.floor(now() / 1000)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'limen',
        'webhook-id': id,
        'webhook-timestamp': String(timestampS),
        'webhook-signature': signWebhook(secret, id, timestampS, body),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([closing, AbortSignal.timeout(ANSWER_MS)]),
    })
    await response.body?.cancel()
    return response.ok ? undefined : `answered ${response.status}`
  } catch (error) {
    const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException }
    return name === 'TimeoutError' ? 'no answer in time' : (cause?.code ?? name)
  }
}
