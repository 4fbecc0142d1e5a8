/**
 * Asking another machine of the cluster: HTTPS with our certificate, believing only the cluster's CA and the name that is
 * expected.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import type { Address } from '../config/address.ts'
import type { ClusterCertificate } from './credentials.ts'

export interface ClusterPeer {
  /** @throws Error when there is no answer within `timeoutMs` */
  ask(question: Question, timeoutMs: number): Promise<{ status: number; body: Buffer }>
  /** An answer without end. `onEnd` is called once, whatever ended it. */
  listen(path: string, hear: (text: string) => void, onEnd: (why: string) => void): () => void
  /** Lets what is under way end; asks nothing more. */
  retire(): void
  close(): void
}

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly fields?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/** Keys for all groups, sealed, are some hundred bytes each. */
const ANSWER_BYTES_MAX = 2 ** 20
const SOCKETS_MAX = 16
/** Longer than any question waits for its answer. */
const RETIRE_MS = 30_000

/** @param name that its certificate must be for */
export function clusterPeer(
  { host, port }: Address,
  name: string,
  { certPem, keyPem, caPem }: ClusterCertificate,
): ClusterPeer {
  const agent = new Agent({
    ...{ cert: certPem, key: keyPem, ca: caPem, servername: name, minVersion: 'TLSv1.3' },
    ...{ keepAlive: true, maxSockets: SOCKETS_MAX, maxCachedSessions: 0 },
  })
  const send = ({ method, path, fields = {}, body }: Question): ClientRequest => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      ...fields,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    }
    const sent = request({ host, port, method, path, headers, agent })
    sent.end(text)
    return sent
  }
  return {
    ask: (question, timeoutMs) =>
      new Promise((resolve, reject) => {
        const sent = send(question)
        const timer = setTimeout(() => sent.destroy(new Error('No answer in time')), timeoutMs)
        sent.on('error', reject).on('close', () => clearTimeout(timer))
        sent.on('response', (answer) => {
          const pieces: Buffer[] = []
          let length = 0
          answer.on('data', (piece: Buffer) => {
            length += piece.length
            if (length > ANSWER_BYTES_MAX) sent.destroy(new Error('The answer is too long'))
            else pieces.push(piece)
          })
          answer.on('error', reject)
          answer.on('end', () => {
            resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(pieces) })
          })
        })
      }),
    listen(path, hear, onEnd) {
      const sent = send({ method: 'GET', path })
      let isOver = false
      const end = (why: string): void => {
        if (isOver) return
        isOver = true
        sent.destroy()
        onEnd(why)
      }
      sent.on('error', (error) => end(error.message)).on('close', () => end('closed'))
      sent.on('response', (answer: IncomingMessage) => {
        if (answer.statusCode !== 200) return end(`status ${answer.statusCode}`)
        answer.setEncoding('utf8').on('data', (text: string) => {
          if (!isOver) hear(text)
        })
        answer.on('error', (error) => end(error.message)).on('end', () => end('ended'))
      })
      return () => end('stopped')
    },
    retire() {
      setTimeout(() => agent.destroy(), RETIRE_MS).unref()
    },
    close: () => agent.destroy(),
  }
}
