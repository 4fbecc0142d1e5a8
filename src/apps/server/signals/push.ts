/**
 * Tells one receiver what waits for it, by push (RFC 8935), one token after the other and in order. A receiver that does not
 * answer, or has no time, is asked again, ever more seldom, for a day; what it refuses is not told again. Nobody waits for it.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import { type Answered, ask } from './ask.ts'
import type { Outbox, Telling } from './outbox.ts'

export interface PushOptions {
  readonly url: string
  readonly token: string | undefined
  readonly outbox: Pick<Outbox, 'first' | 'done'>
  readonly clock: Clock
  readonly log: Log
}

/** `refused`: the receiver will not have it; `lost`: it could not be told in time, or too many waited. */
export type PushResult = 'sent' | 'refused' | 'lost'

/** Before the second attempt; twice as long before each further one. */
const PAUSE_MS = 500
const PAUSE_MS_MAX = 60_000
/** What is older says nothing of now: as old as we take tokens ourselves. */
const AGE_MS_MAX = 86_400_000
const ANSWER_BYTES_MAX = 4096
const ERROR_CODE = /"err"\s*:\s*"([\w-]{1,64})"/

export class Push {
  readonly #options: PushOptions
  readonly #closing = new AbortController()
  readonly #counts: Record<PushResult, number> = { sent: 0, refused: 0, lost: 0 }
  #wake: () => void = () => {}
  #isSilent = false
  /** Nothing waits. */
  #isIdle = false
  readonly #running: Promise<void>

  constructor(options: PushOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Something waits. */
  wake(): void {
    if (this.#isIdle) this.#wake()
  }

  count(result: PushResult): void {
    this.#counts[result]++
  }

  counts(): Readonly<Record<PushResult, number>> {
    return this.#counts
  }

  close(): Promise<void> {
    this.#closing.abort()
    this.#wake()
    return this.#running
  }

  async #run(): Promise<void> {
    const { outbox, clock } = this.#options
    let failed = 0
    while (!this.#closing.signal.aborted) {
      const next = outbox.first(this.#options.url)
      if (next === undefined) {
        this.#isIdle = true
        await this.#pause(undefined)
        this.#isIdle = false
        continue
      }
      const result = clock.now() - next.at > AGE_MS_MAX ? 'lost' : await this.#tell(next)
      if (this.#closing.signal.aborted) return
      if (result === undefined) {
        await this.#pause(Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** failed++))
        continue
      }
      failed = 0
      this.count(result)
      outbox.done(next.id)
    }
  }

  /** undefined: it is to be told again. */
  async #tell({ text }: Telling): Promise<PushResult | undefined> {
    const { url, token, log } = this.#options
    const answered = await ask(url, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/secevent+jwt', accept: 'application/json' },
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...{ body: text, bytesMax: ANSWER_BYTES_MAX, signal: this.#closing.signal },
    })
    if (this.#closing.signal.aborted) return undefined
    const isTaken = answered.kind === 'answered' && answered.status >= 200 && answered.status < 300
    const isRefused = answered.kind === 'answered' && answered.status === 400
    const about = { receiver: new URL(url).host }
    if (isTaken || isRefused) {
      if (this.#isSilent) log.info(about, 'A receiver of signals answers again')
      this.#isSilent = false
      if (isTaken) return 'sent'
      log.error({ ...about, error: errorOf(answered) }, 'A receiver refuses a signal')
      return 'refused'
    }
    const why = answered.kind === 'silent' ? answered.why : `answered ${answered.status}`
    if (!this.#isSilent) log.error({ ...about, why }, 'A receiver of signals cannot be told')
    this.#isSilent = true
    return undefined
  }

  /** @param ms undefined: until something waits */
  #pause(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#closing.signal.aborted) this.#wake()
    })
  }
}

/** RFC 8935, section 2.3: its code, which is short and plain, or nothing. */
function errorOf(answered: Answered): string {
  return answered.kind === 'silent' ? '' : (ERROR_CODE.exec(answered.body.toString())?.[1] ?? '')
}
