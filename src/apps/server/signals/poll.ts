/**
 * Asks a transmitter for security event tokens (RFC 8936), again and again: what was taken is acknowledged with the next
 * question, after its effect; what is refused is told with why (`setErrs`). Where it does not answer it is asked ever more seldom.
 *
 * @module
 */
import { z } from 'zod'
import type { Log } from '../../../adapters/node/json-log.ts'
import { type Answered, ask } from './ask.ts'
import { TOKEN_BYTES_MAX } from './event-token.ts'
import type { SignalDesk, Transmitter } from './signal-desk.ts'

export interface PollOptions {
  readonly transmitter: Transmitter
  readonly url: string
  readonly token: string | undefined
  readonly everyMs: number
  readonly desk: Pick<SignalDesk, 'take'>
  readonly log: Log
}

export interface Poll {
  /** Of the last question, whether it was answered; undefined before the first. */
  readonly isAnswered: boolean | undefined
  close(): Promise<void>
}

/** With each question. */
const TOKENS_MAX = 50
const ANSWER_BYTES_MAX = TOKENS_MAX * (TOKEN_BYTES_MAX + 512)
/** Before the second question to who did not answer; twice as long before each further one. */
const PAUSE_MS = 1000
const PAUSE_MS_MAX = 300_000
/** Before it is told what became of tokens and asked for more: who sends the same ones for ever is not asked in a rush. */
const NEXT_MS = 50
const ID_CHARS_MAX = 256

export const pollAnswer = z.object({
  sets: z
    .record(z.string().min(1).max(ID_CHARS_MAX), z.string().max(TOKEN_BYTES_MAX))
    .default({})
    .refine((sets) => Object.keys(sets).length <= TOKENS_MAX),
})

/** What is to be said of tokens that came before. */
interface Said {
  readonly ack: string[]
  readonly setErrs: Record<string, { readonly err: string; readonly description: string }>
}

export function startPoll(options: PollOptions): Poll {
  const { everyMs, log, transmitter } = options
  const { issuer } = transmitter
  const closing = new AbortController()
  let wake = (): void => {}
  let isAnswered: boolean | undefined
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (closing.signal.aborted) wake()
    })
  const run = async (): Promise<void> => {
    let said = nothing()
    let failed = 0
    while (!closing.signal.aborted) {
      const answer = await question(options, said, closing.signal)
      if (closing.signal.aborted) return
      if (typeof answer === 'string') {
        if (isAnswered !== false) log.error({ issuer, why: answer }, 'Cannot ask for signals')
        isAnswered = false
        await pause(Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** failed++))
        continue
      }
      if (isAnswered === false) log.info({ issuer }, 'Signals can be asked for again')
      isAnswered = true
      failed = 0
      const taken = await takeAll(options, answer.sets)
      said = taken.said
      // What was done is acknowledged at once; who sends us to wait is asked later.
      await pause(isNothing(said) || taken.isHeldUp ? everyMs : NEXT_MS)
    }
  }
  const running = run()
  return {
    get isAnswered() {
      return isAnswered
    },
    close() {
      closing.abort()
      wake()
      return running
    },
  }
}

/** @returns why not, when there is no answer */
async function question(
  { url, token }: PollOptions,
  { ack, setErrs }: Said,
  signal: AbortSignal,
): Promise<z.output<typeof pollAnswer> | string> {
  const body = JSON.stringify({
    ...{ maxEvents: TOKENS_MAX, returnImmediately: true },
    ...(ack.length === 0 ? {} : { ack }),
    ...(Object.keys(setErrs).length === 0 ? {} : { setErrs }),
  })
  const headers = {
    ...{ 'content-type': 'application/json', accept: 'application/json' },
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const asked = { method: 'POST', headers, body, bytesMax: ANSWER_BYTES_MAX, signal } as const
  return readPollAnswer(await ask(url, asked))
}

/** @returns why not, when it is none. Never throws. */
export function readPollAnswer(answered: Answered): z.output<typeof pollAnswer> | string {
  if (answered.kind === 'silent') return answered.why
  if (answered.status !== 200) return `answered ${answered.status}`
  try {
    const read = pollAnswer.safeParse(JSON.parse(answered.body.toString()))
    return read.success ? read.data : 'its answer is not as it must be'
  } catch {
    return 'its answer is no JSON'
  }
}

async function takeAll(
  { transmitter, desk }: PollOptions,
  sets: Readonly<Record<string, string>>,
): Promise<{ readonly said: Said; readonly isHeldUp: boolean }> {
  const said = nothing()
  let isHeldUp = false
  for (const [id, text] of Object.entries(sets)) {
    const answer = await desk.take(transmitter, text)
    if (answer.kind === 'unavailable') isHeldUp = true
    else if (answer.kind === 'taken' && answer.id === id) said.ack.push(id)
    else {
      const { error, why } =
        answer.kind === 'refused' ? answer : { error: 'invalid_request', why: 'another jti' }
      said.setErrs[id] = { err: error, description: why }
    }
  }
  return { said, isHeldUp }
}

function nothing(): Said {
  return { ack: [], setErrs: Object.create(null) as Said['setErrs'] }
}

function isNothing({ ack, setErrs }: Said): boolean {
  return ack.length === 0 && Object.keys(setErrs).length === 0
}
