/**
 * A browser with a page that tells how it is used, for tests: one connection, one cookie, batches with the token of the answer
 * before.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:https'
import type { BehaviorBatch } from '../../src/wire/behavior-batch.ts'
import { writeBehaviorBody, writeBehaviorEnvelope } from '../../src/wire/behavior-batch-writer.ts'

export interface Answered {
  readonly status: number
  readonly fields: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export class Visitor {
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  cookie = ''
  token: Buffer = Buffer.alloc(0)
  readonly #port: number
  page = Math.floor(Math.random() * 2 ** 31)
  sequence = 0

  constructor(port: number) {
    this.#port = port
  }

  ask(method: string, path: string, body?: Uint8Array, more = {}): Promise<Answered> {
    const type = body === undefined ? {} : { 'content-type': 'application/limen-behavior' }
    const cookie = this.cookie === '' ? {} : { cookie: this.cookie }
    return new Promise((resolve, reject) => {
      const headers = { ...type, ...cookie, ...more }
      const where = {
        host: 'localhost',
        port: this.#port,
        method,
        path,
        headers,
        agent: this.#agent,
      }
      const sent = request(where, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 0, headers: fields } = response
          resolve({ status, fields, body: Buffer.concat(pieces).toString() })
        })
      })
      sent.on('error', reject).end(body)
    })
  }

  /** Asks for settings and a token, as the page does when it may. */
  async consent(): Promise<Answered> {
    const answered = await this.ask('GET', '/.well-known/limen/behavior')
    const { token } = JSON.parse(answered.body) as { token: string }
    this.token = Buffer.from(token, 'base64url')
    const [set] = answered.fields['set-cookie'] ?? []
    if (set !== undefined) this.cookie = set.split(';')[0] ?? ''
    return answered
  }

  envelope(batch: BehaviorBatch): Uint8Array {
    const { token, page, sequence } = this
    const body = writeBehaviorBody(batch)
    return writeBehaviorEnvelope({ deflated: false, botOnly: false, page, sequence, token, body })
  }

  async tell(batch: BehaviorBatch): Promise<void> {
    // A page that lasts for hours in seconds would not be believed.
    if (this.sequence === 4) this.turn()
    const post = () => this.ask('POST', '/.well-known/limen/behavior', this.envelope(batch))
    let answered = await post()
    // Told to come again (429, 503) it does, as a page would: its token is not spent.
    for (let tries = 1; answered.fields['retry-after'] !== undefined && tries < 5; tries++) {
      const waitMs = Number(answered.fields['retry-after']) * 1000
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      answered = await post()
    }
    assert.equal(answered.status, 204, answered.body)
    this.token = Buffer.from(String(answered.fields['limen-next']), 'base64url')
    this.sequence++
  }

  /** Another page. */
  turn(): void {
    this.page = (this.page + 1) % 2 ** 32
    this.sequence = 0
  }

  async server(path = '/'): Promise<string> {
    return (JSON.parse((await this.ask('GET', path)).body) as { name: string }).name
  }

  async me(): Promise<{
    known: boolean
    tier: number
    score: number
    confidence: number
    reasons: string[]
  }> {
    return JSON.parse((await this.ask('GET', '/.well-known/limen/behavior/me')).body)
  }

  close(): void {
    this.#agent.destroy()
  }
}
