/**
 * Server-sent events (WHATWG HTML, 9.2), to a bounded number of clients; a client that does not read is dropped.
 *
 * @module
 */
import type { FastifyReply } from 'fastify'
import { Problem } from './problem.ts'

export const STREAMS_MAX = 64
/** Proxies and browsers give up on silence after 30 s or more. */
const HEARTBEAT_MS = 15_000
/** What may wait for a slow reader: some thousand decisions. */
const WAITING_BYTES_MAX = 2 ** 20
const END_MS_MAX = 500
/** What a browser waits before it comes again. */
const RETRY_MS = 2000

export interface EventStreams {
  /**
   * Takes over `reply` and calls `begin` with the way to send; what `begin` returns is called at the end.
   * Throws `too-many-streams`.
   */
  open(reply: FastifyReply, begin: (send: SendEvent) => () => void): void
  /** Ends all; browsers come again by themselves. */
  endAll(): void
  readonly size: number
}

export type SendEvent = (data: unknown, id?: string) => void

export function eventStreams(): EventStreams {
  const ends = new Set<() => void>()
  return {
    get size() {
      return ends.size
    },
    open(reply, begin) {
      if (ends.size >= STREAMS_MAX) {
        throw new Problem('too-many-streams', `At most ${STREAMS_MAX} at a time`)
      }
      const { raw } = reply.hijack()
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) raw.setHeader(name, value)
      }
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // nginx would hold events back.
        'x-accel-buffering': 'no',
      })
      const write = (text: string): void => {
        if (raw.writableLength > WAITING_BYTES_MAX) raw.destroy()
        else raw.write(text)
      }
      write(`retry: ${RETRY_MS}\n\n`)
      const heartbeat = setInterval(() => write(': still here\n\n'), HEARTBEAT_MS)
      const stop = begin((data, id) => {
        const name = id === undefined ? '' : `id: ${id}\n`
        write(`${name}data: ${JSON.stringify(data)}\n\n`)
      })
      const end = (): void => {
        raw.end()
        // One that does not read would never see the end.
        setTimeout(() => raw.destroy(), END_MS_MAX).unref()
      }
      ends.add(end)
      raw.on('close', () => {
        clearInterval(heartbeat)
        ends.delete(end)
        stop()
      })
    },
    endAll() {
      for (const end of ends) end()
    },
  }
}
