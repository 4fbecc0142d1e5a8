/**
 * Asks the agent on a server's machine (`limen load-agent`) for its load, every few seconds, until closed. Nobody waits for it: what
 * it said last is there to be read, for a while.
 *
 * @module
 */
import http from 'node:http'
import type { Clock } from '../../ground/clock.ts'
import { MACHINE_STALE_MS, type SaidByMachine } from '../../ports/said-load.ts'
import { MACHINE_LOAD_CHARS_MAX, readMachineLoad } from '../../wire/machine-load.ts'

export interface LoadPollOptions {
  /** `http://host:port/load`. */
  readonly url: string
  /** Sent as a bearer token. */
  readonly token: string | undefined
  readonly clock: Clock
  /** It answers, or does no longer; `text` says why not, without the token. */
  onChange(answers: boolean, text: string): void
  /** From one question to the next; {@link EVERY_MS} for all but tests. */
  readonly everyMs?: number
}

/** As often as a machine's load means something else; a third of {@link MACHINE_STALE_MS}. */
const EVERY_MS = MACHINE_STALE_MS / 3
/** As for a health check; a machine too busy to answer within that is one to be told of. */
const ANSWER_MS = 2_000
/** One that does not answer is asked after twice as long each time, up to this: at most a minute late when it is back. */
const EVERY_MS_MAX = 60_000

export class LoadPoll {
  readonly #options: LoadPollOptions
  #said: SaidByMachine | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #request: http.ClientRequest | undefined
  #isClosed = false

  constructor(options: LoadPollOptions) {
    this.#options = options
    this.#ask()
  }

  /** Whether it asks this agent, and shows this token. */
  asks(url: string | undefined, token: string | undefined): boolean {
    return this.#options.url === url && this.#options.token === token
  }

  /** undefined when that is too old. */
  newest(): SaidByMachine | undefined {
    const { clock } = this.#options
    if (this.#said !== undefined && clock.now() - this.#said.at > MACHINE_STALE_MS) {
      this.#said = undefined
    }
    return this.#said
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#request?.destroy()
  }

  #ask(): void {
    const { url, token } = this.#options
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const headers = { 'user-agent': 'limen-load', connection: 'close', ...authorization }
    const request = http.get(url, { agent: false, headers })
    this.#request = request
    // Of the whole answer: one that comes octet by octet is none.
    const deadline = setTimeout(() => request.destroy(new Error('no answer in time')), ANSWER_MS)
    const end = (load: ReturnType<typeof readMachineLoad>, text: string): void => {
      if (this.#request !== request) return
      clearTimeout(deadline)
      this.#request = undefined
      request.destroy()
      this.#answered(load, text)
    }
    request.on('error', (error: NodeJS.ErrnoException) =>
      end(undefined, error.code ?? error.message),
    )
    // An answer that breaks off is no error of the request.
    request.on('close', () => end(undefined, 'the answer broke off'))
    request.on('response', (response) => {
      if (response.statusCode !== 200) return end(undefined, `answered ${response.statusCode}`)
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
        if (text.length > MACHINE_LOAD_CHARS_MAX) end(undefined, 'answered too much')
      })
      response.on('end', () => end(readMachineLoad(text), 'answered what is no load'))
    })
  }

  #answered(load: ReturnType<typeof readMachineLoad>, text: string): void {
    if (this.#isClosed) return
    const { clock, onChange, everyMs = EVERY_MS } = this.#options
    const failedBefore = this.#failures
    this.#failures = load === undefined ? failedBefore + 1 : 0
    if (load !== undefined) {
      const isNews = this.#said === undefined
      this.#said = { ...load, at: clock.now() }
      if (isNews) onChange(true, '')
    } else if (failedBefore === 0) onChange(false, text)
    const pauseMs = Math.min(EVERY_MS_MAX, everyMs * 2 ** Math.min(this.#failures - 1, 10))
    this.#timer = setTimeout(() => this.#ask(), load === undefined ? pauseMs : everyMs)
    this.#timer.unref()
  }
}
