/**
 * One node of an embedded cluster, as the Limen sees it that started it: a process on a port of its own choice, started again when it
 * dies. What it does is `embedded-process.ts`.
 *
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { FromEmbedded, ToEmbedded } from './embedded-process.ts'
import type { Credentials } from './listener.ts'

export interface EmbeddedNodeOptions {
  readonly cluster: string
  readonly id: string
  readonly folder: string
  readonly role: string
  /** That somebody else is going to listen on. */
  readonly portsTaken: ReadonlySet<number>
  /** Of the cluster, 32 octets. */
  readonly identity: Uint8Array
  /** LCN1. */
  readonly card: Uint8Array
  /** Its secret, 32 octets; zeroed when it has it. */
  secret(): Uint8Array
  /** In force: what a process that starts is given. */
  credentials(): Credentials
  onEvent(event: NodeEvent): void
}

export type NodeEvent =
  | { readonly kind: 'open'; readonly id: string; readonly port: number; readonly pid: number }
  /** `why`: its last word, or how it ended. It is started again. */
  | { readonly kind: 'ended'; readonly id: string; readonly why: string }
  | { readonly kind: 'fault'; readonly id: string; readonly why: string }

const FILE = fileURLToPath(
  new URL(`./embedded-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
/** Before it is started again: doubled while it dies young. */
const PAUSE_MS = 100
const PAUSE_MS_MAX = 10_000
/** One that has lived so long is as new. */
const SETTLED_MS = 10_000
/** It has flushed its log by then. */
const CLOSE_MS = 5_000
/** It is told, or it dies and is given them at its start. */
const RENEW_MS = 5_000

export class EmbeddedNode {
  readonly id: string
  readonly host = '127.0.0.1'
  readonly card: Uint8Array
  /** 0: it has not been open yet. */
  port = 0
  isOpen = false
  readonly #options: EmbeddedNodeOptions
  #process: ChildProcess | undefined
  #isClosing = false
  #timer: NodeJS.Timeout | undefined
  #pauseMs = PAUSE_MS
  #why = ''
  #renewed: (() => void) | undefined

  constructor(options: EmbeddedNodeOptions) {
    this.#options = options
    this.id = options.id
    this.card = options.card
  }

  /** Resolves when there is a process, or will be another try. */
  async start(): Promise<void> {
    const begun = performance.now()
    let port: number
    try {
      port = await freePort(this.host, this.#options.portsTaken)
    } catch (error) {
      this.#ended(begun, (error as Error).message)
      return
    }
    if (this.#isClosing) return
    const { cluster, id, folder, role, identity, secret, credentials } = this.#options
    const child = fork(FILE, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#process = child
    child.on('message', (message) => this.#heard(message as FromEmbedded))
    // It could not be started, or be told: its end says the rest.
    child.on('error', (error) => {
      this.#why = error.message
      if (child.pid === undefined) this.#ended(begun, 'was not started')
    })
    child.once('exit', (code, signal) => this.#ended(begun, signal ?? `ended with ${code}`))
    const given = secret()
    const { certificate, key, authority } = credentials()
    this.#tell({
      ...{ kind: 'open', cluster, id, folder, port, role, identity, secret: given },
      ...{ certificate, key, authority },
    })
    given.fill(0)
  }

  /** Resolves when it has them, or does not live; then it gets them at its start. */
  async renew({ certificate, key, authority }: Credentials): Promise<void> {
    if (!this.isOpen) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, RENEW_MS)
    this.#renewed = resolve
    this.#tell({ kind: 'renew', certificate, key, authority })
    await promise
    clearTimeout(timer)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#timer)
    const child = this.#process
    if (child === undefined) return
    const ended = once(child, 'exit')
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS)
    this.#tell({ kind: 'close' })
    await ended
    clearTimeout(timer)
  }

  #heard(message: FromEmbedded): void {
    const { id, onEvent } = this.#options
    if (message.kind === 'open') {
      this.port = message.port
      this.isOpen = true
      onEvent({ kind: 'open', id, port: message.port, pid: this.#process?.pid ?? 0 })
    } else if (message.kind === 'renewed') this.#renewed?.()
    else if (message.kind === 'failed') this.#why = `${message.code}: ${message.text}`
    else onEvent({ kind: 'fault', id, why: `${message.operation}: ${message.code}` })
  }

  #ended(begun: number, how: string): void {
    this.#process = undefined
    this.isOpen = false
    this.#renewed?.()
    if (this.#isClosing) return
    const { id, onEvent } = this.#options
    onEvent({ kind: 'ended', id, why: this.#why || how })
    this.#why = ''
    if (performance.now() - begun > SETTLED_MS) this.#pauseMs = PAUSE_MS
    this.#timer = setTimeout(() => void this.start(), this.#pauseMs)
    this.#pauseMs = Math.min(PAUSE_MS_MAX, 2 * this.#pauseMs)
  }

  #tell(message: ToEmbedded): void {
    // One that is gone is told at its next start.
    this.#process?.send(message, () => undefined)
  }
}

/** One that nobody listens on now. Another one may be faster: then the node dies, and is started again on another port. */
async function freePort(host: string, taken: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await once(server.close(), 'close')
    if (!taken.has(port)) return port
  }
}
