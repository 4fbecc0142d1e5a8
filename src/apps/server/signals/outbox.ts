/**
 * Security event tokens that are to be told and were not yet, over restarts: a sealed line per token that came and per token
 * that is done with, in a file that is written anew when most of it is done. With the operating system when {@link Outbox.add}
 * returns, on the disk soon after. A token is told again when Limen is killed between the answer and the line.
 *
 * @module
 */
import { closeSync, fsync, openSync, writeSync } from 'node:fs'
import { z } from 'zod'
import { readPrivateFile, writePrivateFile } from '../../../adapters/node/private-file.ts'
import type { RecordSeal } from '../../../ports/record-seal.ts'

export interface Telling {
  /** Its `jti`. */
  readonly id: string
  /** URL of the receiver. */
  readonly to: string
  /** The token, signed. */
  readonly text: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** For each receiver; about 1 kB each. */
export const WAITING_MAX = 1000
/** Changes of tiers come in floods: they leave room for what ends sessions. */
export const MINOR_MAX = WAITING_MAX / 2
const SEAL_NAME = 'signals-outbox'
/** Lines of a file that is not worth being written anew. */
const LINES_MIN = 4000

const line = z.union([
  z.strictObject({ id: z.string(), to: z.string(), text: z.string(), at: z.number() }),
  z.strictObject({ done: z.string() }),
])

export interface OutboxOptions {
  readonly path: string
  readonly seal: RecordSeal
  /** A restart would forget something, or has. */
  onUnkept(error: unknown): void
}

export class Outbox {
  readonly #options: OutboxOptions
  /** By receiver, and by id, in the order in which they came. */
  readonly #waiting = new Map<string, Map<string, Telling>>()
  #file: number | undefined
  #lines = 0
  #isFlushing = false

  constructor(options: OutboxOptions) {
    this.#options = options
    const { path, seal, onUnkept } = options
    for (const text of readPrivateFile(path)?.toString('latin1').split('\n') ?? []) {
      if (text === '') continue
      const read = readLine(seal.open(SEAL_NAME, Buffer.from(text, 'base64')))
      if (read === undefined) onUnkept(new Error('A line cannot be opened'))
      else if ('done' in read) this.#forget(read.done)
      else this.#of(read.to).set(read.id, read)
    }
    this.#rewrite()
  }

  /** False: too many wait for that receiver. @param isMinor may be lost sooner than others */
  add(telling: Telling, isMinor: boolean): boolean {
    const waiting = this.#of(telling.to)
    if (waiting.size >= (isMinor ? MINOR_MAX : WAITING_MAX)) return false
    waiting.set(telling.id, telling)
    this.#append(telling)
    return true
  }

  /** The first that waits for a receiver. */
  first(to: string): Telling | undefined {
    return this.#waiting.get(to)?.values().next().value
  }

  count(to: string): number {
    return this.#waiting.get(to)?.size ?? 0
  }

  done(id: string): void {
    this.#forget(id)
    this.#append({ done: id })
    if (this.#lines > LINES_MIN) this.#rewrite()
  }

  /** Nothing waits any more for who is not among these. */
  keepOnly(receivers: readonly string[]): void {
    for (const to of this.#waiting.keys()) if (!receivers.includes(to)) this.#waiting.delete(to)
    this.#rewrite()
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #of(to: string): Map<string, Telling> {
    let waiting = this.#waiting.get(to)
    if (waiting === undefined) {
      waiting = new Map()
      this.#waiting.set(to, waiting)
    }
    return waiting
  }

  #forget(id: string): void {
    for (const waiting of this.#waiting.values()) waiting.delete(id)
  }

  #sealed(entry: z.output<typeof line>): string {
    const bytes = this.#options.seal.seal(SEAL_NAME, Buffer.from(JSON.stringify(entry)))
    return `${Buffer.from(bytes).toString('base64')}\n`
  }

  #append(entry: z.output<typeof line>): void {
    try {
      this.#file ??= openSync(this.#options.path, 'a', 0o600)
      writeSync(this.#file, this.#sealed(entry))
      this.#lines++
      this.#flush(this.#file)
    } catch (error) {
      this.#options.onUnkept(error)
    }
  }

  #flush(file: number): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    fsync(file, () => {
      this.#isFlushing = false
    })
  }

  #rewrite(): void {
    this.close()
    const lines = [...this.#waiting.values()].flatMap((of) => [...of.values()])
    // Many that wait are not written anew with each that is done.
    this.#lines = 0
    try {
      writePrivateFile(this.#options.path, lines.map((one) => this.#sealed(one)).join(''))
    } catch (error) {
      this.#options.onUnkept(error)
    }
  }
}

function readLine(plain: Uint8Array | undefined): z.output<typeof line> | undefined {
  if (plain === undefined) return undefined
  try {
    return line.safeParse(JSON.parse(Buffer.from(plain).toString())).data
  } catch {
    return undefined
  }
}
