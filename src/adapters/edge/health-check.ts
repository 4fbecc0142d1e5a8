/**
 * Active health checks: GET the path of a pool on each of its servers; `fall` bad answers in a row take a
 * server down, `rise` good ones bring it up. A server starts up: the first checks decide otherwise.
 *
 * @module
 */
import http from 'node:http'
import net from 'node:net'
import type { HealthSettings, ServerSettings } from '../../ports/data-plane.ts'
import { writeProxyHeader } from '../../wire/proxy-v2.ts'

export interface HealthCheckOptions {
  readonly pool: string
  readonly server: ServerSettings
  readonly health: HealthSettings
  /** Called when a server goes up or down; `text` says what the check saw. */
  onChange(up: boolean, text: string): void
}

/** Checks one server until closed. */
export class HealthCheck {
  up = true
  /** What the last check saw, for people: `200 in 3 ms`, `connection refused`. */
  text = 'not checked yet'
  readonly #options: HealthCheckOptions
  #inRow = 0
  #timer: NodeJS.Timeout
  #running: http.ClientRequest | undefined

  constructor(options: HealthCheckOptions) {
    this.#options = options
    this.#check()
    this.#timer = setInterval(() => this.#check(), options.health.intervalMs)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#running?.destroy()
  }

  /** Out of turn; one that is under way counts as this one. */
  checkNow(): void {
    this.#check()
  }

  #check(): void {
    if (this.#running !== undefined) return
    const { server, health } = this.#options
    const startedAt = performance.now()
    const request = http.get({
      host: server.host,
      port: server.port,
      path: health.path,
      timeout: health.timeoutMs,
      headers: { 'user-agent': 'limen-health', connection: 'close' },
      // With an agent, Node makes the connection itself.
      ...(server.proxyProtocol === 'off'
        ? { agent: false }
        : { createConnection: () => connectAsLimen(server) }),
    })
    this.#running = request
    // An answer that came while this process stood still is read first.
    const overall = setTimeout(
      () => setImmediate(() => request.destroy(new Error('no answer in time'))),
      health.timeoutMs,
    )
    const finish = (good: boolean, text: string) => {
      clearTimeout(overall)
      if (this.#running !== request) return
      this.#running = undefined
      this.#saw(good, text)
    }
    request.on('response', (response) => {
      response.resume()
      const status = response.statusCode ?? 0
      const ms = Math.round(performance.now() - startedAt)
      finish(status >= 200 && status < 400, `${status} in ${ms} ms`)
    })
    request.on('error', (error: NodeJS.ErrnoException) => finish(false, wordsFor(error)))
  }

  #saw(good: boolean, text: string): void {
    this.text = text
    if (good === this.up) {
      this.#inRow = 0
      return
    }
    const { rise, fall } = this.#options.health
    if (++this.#inRow < (this.up ? fall : rise)) return
    this.#inRow = 0
    this.up = good
    this.#options.onChange(good, text)
  }
}

/** Limen speaks for itself: a LOCAL header, as HAProxy's `check-send-proxy` sends. */
export function connectAsLimen({ host, port }: ServerSettings): net.Socket {
  const socket = net.connect({ host, port })
  socket.write(writeProxyHeader(undefined, undefined, []))
  return socket
}

function wordsFor(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connection refused'
  if (error.code === 'ECONNRESET') return 'connection reset'
  return error.code ?? error.message
}
