/**
 * A load generator that is exact about failures: steady clients over HTTP/1.1 (plain or TLS, kept alive
 * or with a new connection each time) and HTTP/2. Each answer must be 200 and name the request it answers.
 *
 * A connection that is closed while nothing was asked is no failure of a request; it is counted apart,
 * as is one that was announced (`Connection: close`, GOAWAY).
 *
 * @module
 */
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'

export interface LoadPart {
  readonly kind: 'http' | 'https' | 'https-new' | 'h2'
  readonly port: number
  readonly clients: number
  /** Requests at a time per client (HTTP/2 only). */
  readonly streams?: number
  readonly method?: 'GET' | 'POST'
  /** Where to ask; `/<number>` is appended. */
  readonly path?: string
  /** After an announced close: connect again, or be content. */
  readonly reconnect?: boolean
}

export interface LoadReport {
  readonly requests: number
  readonly failures: readonly string[]
  /** Closed by the other side between two requests, unannounced. */
  readonly closedIdle: number
  /** Closed after `Connection: close` or GOAWAY. */
  readonly announced: number
  /** Answers per server id, as they say it. */
  readonly servers: Readonly<Record<string, number>>
}

export interface SteadyLoad {
  /** Answered so far. */
  readonly answered: number
  readonly failures: readonly string[]
  report(): LoadReport
  /** Stops asking; resolves when the last answer is in and connections are closed. */
  stop(): Promise<LoadReport>
  /** All clients have stopped by themselves (`reconnect: false`). */
  readonly over: Promise<void>
}

const ANSWER_MS_MAX = 20_000

export function startLoad(parts: readonly LoadPart[]): SteadyLoad {
  const tally = new Tally()
  const runs = parts.flatMap((part) =>
    Array.from({ length: part.clients }, () =>
      part.kind === 'h2' ? runHttp2(part, tally) : runHttp1(part, tally),
    ),
  )
  const over = Promise.all(runs).then(() => {})
  return {
    get answered() {
      return tally.answered
    },
    failures: tally.failures,
    report: () => tally.report(),
    over,
    async stop() {
      tally.stopped = true
      await over
      return tally.report()
    },
  }
}

class Tally {
  stopped = false
  asked = 0
  answered = 0
  closedIdle = 0
  announced = 0
  unsent = 0
  readonly failures: string[] = []
  readonly servers: Record<string, number> = {}

  /** Judges an answer to `target`. */
  judge(kind: string, target: string, status: number, body: string): void {
    const [server = '', answered] = body.split(' ')
    if (status !== 200) this.fail(kind, target, `status ${status}: ${body.slice(0, 200)}`)
    else if (answered !== target) this.fail(kind, target, `another's answer: ${body}`)
    else {
      this.answered++
      this.servers[server] = (this.servers[server] ?? 0) + 1
    }
  }

  fail(kind: string, target: string, why: string): void {
    this.failures.push(`${kind} ${target}: ${why}`)
  }

  report(): LoadReport {
    const { closedIdle, announced, failures, servers } = this
    return { requests: this.asked - this.unsent, closedIdle, announced, failures, servers }
  }
}

// --- HTTP/1.1 --------------------------------------------------------------------------------------

type Ending =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: string
      readonly close: boolean
    }
  | { readonly kind: 'lost'; readonly why: string }

async function runHttp1(part: LoadPart, tally: Tally): Promise<void> {
  const { kind, method = 'GET', path = '/who', reconnect = true } = part
  while (!tally.stopped) {
    const connection = new Http1Client(part)
    let isFirst = true
    while (!tally.stopped) {
      if (connection.closed) {
        tally.closedIdle++
        break
      }
      const target = `${path}/${++tally.asked}`
      const close = kind === 'https-new'
      const ending = await connection.ask(method, target, close)
      if (ending.kind === 'lost') {
        tally.fail(kind, target, `${ending.why}${isFirst ? ', first request' : ''}`)
        break
      }
      isFirst = false
      tally.judge(kind, target, ending.status, ending.body)
      if (ending.close) {
        if (!close) tally.announced++
        break
      }
    }
    connection.end()
    if (!reconnect) return
  }
}

class Http1Client {
  readonly #socket: net.Socket
  #text = ''
  #error = ''
  #ended = false
  #settle: ((ending: Ending) => void) | undefined

  constructor({ kind, port }: LoadPart) {
    const where = { host: '127.0.0.1', port }
    this.#socket =
      kind === 'http'
        ? net.connect({ ...where, noDelay: true })
        : tls.connect({ ...where, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => {
      this.#text += text
      this.#look()
    })
    this.#socket.on('error', (error) => {
      this.#error = (error as NodeJS.ErrnoException).code ?? error.message
    })
    this.#socket.on('end', () => this.#over('ended'))
    this.#socket.on('close', () => this.#over('closed'))
  }

  /** Nobody is there any more. */
  get closed(): boolean {
    return this.#ended
  }

  ask(method: string, target: string, close: boolean): Promise<Ending> {
    const body = method === 'POST' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n'
    const connection = close ? 'Connection: close\r\n' : ''
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settled({ kind: 'lost', why: `no answer within ${ANSWER_MS_MAX} ms` })
      }, ANSWER_MS_MAX)
      this.#settle = (ending) => {
        clearTimeout(timer)
        resolve(ending)
      }
      this.#socket.write(`${method} ${target} HTTP/1.1\r\nHost: load.test\r\n${connection}${body}`)
    })
  }

  end(): void {
    this.#socket.destroy()
  }

  #look(): void {
    const headEnd = this.#text.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#text.slice(0, headEnd + 2)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN)
    const end = headEnd + 4 + length
    if (this.#text.length < end) return
    const body = this.#text.slice(headEnd + 4, end)
    this.#text = this.#text.slice(end)
    const status = Number(head.slice(9, 12))
    this.#settled({ kind: 'answer', status, body, close: /^connection: *close/im.test(head) })
  }

  #over(how: string): void {
    this.#ended = true
    const got = this.#text === '' ? 'before an answer' : `after ${this.#text.length} octets`
    this.#settled({ kind: 'lost', why: `${how} ${got} ${this.#error}` })
  }

  #settled(ending: Ending): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.(ending)
  }
}

// --- HTTP/2 ----------------------------------------------------------------------------------------

async function runHttp2(part: LoadPart, tally: Tally): Promise<void> {
  const { port, streams = 8, reconnect = true } = part
  while (!tally.stopped) {
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
    let isAnnounced = false
    let error = ''
    session.on('goaway', () => {
      isAnnounced = true
    })
    session.on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message
    })
    const closed = new Promise((resolve) => session.once('close', resolve))
    // How many streams it may have, a client knows from here on.
    await Promise.race([new Promise((resolve) => session.once('remoteSettings', resolve)), closed])
    const ask = async (): Promise<void> => {
      while (!tally.stopped && !isAnnounced && !session.closed && !session.destroyed) {
        await askHttp2(session, part, tally, () => error)
      }
    }
    // One more would wait inside the client, and be lost there when the server says goodbye.
    const most = Math.min(streams, session.remoteSettings?.maxConcurrentStreams ?? streams)
    await Promise.all(Array.from({ length: most }, ask))
    if (isAnnounced) tally.announced++
    else if (!tally.stopped) tally.closedIdle++
    session.close()
    await closed
    if (!reconnect) return
  }
}

function askHttp2(
  session: http2.ClientHttp2Session,
  { method = 'GET', path = '/who' }: LoadPart,
  tally: Tally,
  sessionError: () => string,
): Promise<void> {
  const target = `${path}/${++tally.asked}`
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': method,
      ':path': target,
      ':authority': 'load.test',
    })
    let status = 0
    let body = ''
    let error = ''
    let isUnsent = false
    // Asked in the moment in which a GOAWAY was read: this client's own library kept the request back.
    stream.on('frameError', () => {
      isUnsent = true
    })
    stream.setTimeout(ANSWER_MS_MAX, () => stream.destroy(new Error('no answer in time')))
    stream.on('response', (head) => {
      status = head[':status'] ?? 0
    })
    stream.setEncoding('latin1').on('data', (text: string) => {
      body += text
    })
    stream.on('error', (cause) => {
      error = `${(cause as NodeJS.ErrnoException).code ?? ''} ${cause.message}`
    })
    stream.on('close', () => {
      if (error === '' && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR && status !== 0) {
        tally.judge('h2', target, status, body)
      } else if (isUnsent && status === 0) {
        tally.unsent++
        setImmediate(resolve) // 'goaway' is about to be told
        return
      } else {
        const code = `code ${stream.rstCode}, status ${status}`
        tally.fail('h2', target, `${error} ${code} ${sessionError()}`)
      }
      resolve()
    })
    if (method === 'POST') stream.end('body')
    else stream.end()
  })
}
