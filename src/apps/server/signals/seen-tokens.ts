/**
 * Which security event tokens were taken already, so that none has its effect twice: by issuer and `jti`, for as long as a token
 * may be old. A line per token in a file, for a restart; of an id only a hash. Where one issuer sends more than are
 * remembered, what is older than the oldest of them counts as seen.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { readPrivateFile, writePrivateFile } from '../../../adapters/node/private-file.ts'
import { TOKEN_AGE_S_MAX } from './event-token.ts'

/** Of each issuer; about 100 bytes each. */
const REMEMBERED_MAX = 20_000
/** Clocks of others. */
const SLACK_S = 120
const MARK_BYTES = 16
const LINE = /^([\w-]{22}) ([\w-]{22}) (\d{1,15})$/

interface Issued {
  /** When they were issued, in the order in which they came. */
  readonly tokens: Map<string, number>
  /** What is no younger counts as seen. */
  floorS: number
}

export class SeenTokens {
  readonly #path: string
  readonly #onUnkept: (error: unknown) => void
  readonly #issuers = new Map<string, Issued>()
  #file: number | undefined
  #lines = 0

  /** @param onUnkept a restart would forget something */
  constructor(path: string, nowS: number, onUnkept: (error: unknown) => void) {
    this.#path = path
    this.#onUnkept = onUnkept
    for (const line of readPrivateFile(path)?.toString('latin1').split('\n') ?? []) {
      const [, issuer, token, issuedAt] = LINE.exec(line) ?? []
      if (issuer !== undefined && token !== undefined) {
        this.#note(issuer, token, Number(issuedAt), nowS)
      }
    }
    this.#rewrite()
  }

  has(issuer: string, id: string, issuedAtS: number): boolean {
    const issued = this.#issuers.get(markOf(issuer))
    if (issued === undefined) return false
    return issued.tokens.has(markOf(id)) || issuedAtS <= issued.floorS
  }

  /** Whatever becomes of the file, it is remembered until a restart. */
  add(issuer: string, id: string, issuedAtS: number, nowS: number): void {
    const [by, token] = [markOf(issuer), markOf(id)]
    const at = Math.floor(issuedAtS)
    this.#note(by, token, at, nowS)
    try {
      this.#file ??= openSync(this.#path, 'a', 0o600)
      writeSync(this.#file, `${by} ${token} ${at}\n`)
      if (++this.#lines > 2 * this.#count + REMEMBERED_MAX) this.#rewrite()
    } catch (error) {
      this.#onUnkept(error)
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  get #count(): number {
    return [...this.#issuers.values()].reduce((sum, { tokens }) => sum + tokens.size, 0)
  }

  #note(issuer: string, token: string, issuedAtS: number, nowS: number): void {
    let issued = this.#issuers.get(issuer)
    if (issued === undefined) {
      issued = { tokens: new Map(), floorS: Number.NEGATIVE_INFINITY }
      this.#issuers.set(issuer, issued)
    }
    issued.tokens.set(token, issuedAtS)
    for (const [first, at] of issued.tokens) {
      const isOver = at < nowS - TOKEN_AGE_S_MAX - SLACK_S
      if (!isOver && issued.tokens.size <= REMEMBERED_MAX) break
      issued.tokens.delete(first)
      if (!isOver) issued.floorS = Math.max(issued.floorS, at)
    }
  }

  #rewrite(): void {
    this.close()
    const lines = [...this.#issuers].flatMap(([issuer, { tokens }]) =>
      [...tokens].map(([token, at]) => `${issuer} ${token} ${at}\n`),
    )
    this.#lines = lines.length
    try {
      writePrivateFile(this.#path, lines.join(''))
    } catch (error) {
      this.#onUnkept(error)
    }
  }
}

function markOf(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, MARK_BYTES).toString('base64url')
}
