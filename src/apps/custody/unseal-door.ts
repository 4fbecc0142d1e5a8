/**
 * Where operators give their shares of a sealed wrapping key: a Unix socket that only the owner of its folder can reach. A connection is
 * one share as a line (`keys/custody/operator-share.ts`), or an empty line, which asks how it stands, and one line of JSON back. Shares do not
 * go over a network, and no command line or log sees them.
 *
 * @module
 */
import { once } from 'node:events'
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { isAnswered, nearest } from '../../adapters/node/folder-lock.ts'
import { makePrivateFolder } from '../../adapters/node/private-file.ts'
import type { SealedKey } from '../../adapters/node/sealed-key.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'

export interface UnsealDoorOptions {
  readonly sealed: SealedKey
  /** Path of the socket; one that nobody answers on is removed. */
  readonly door: string
  /** The door is open. */
  onOpen(): void
  /** Closes the door before the key is open. */
  readonly signal?: AbortSignal
}

/** What an operator is told. */
export interface DoorAnswer {
  readonly kind: 'sealed' | 'unsealed' | 'refused'
  /** Of `sealed`: how many more. */
  readonly missing?: number
  /** Of `refused`: why, and whose share. */
  readonly code?: string
  readonly points?: readonly number[]
}

/** A share has 199 octets, as many blanks besides are let pass. */
const LINE_BYTES_MAX = 512
const ANSWER_BYTES_MAX = 4096
/** A person has pasted by then; a line is sent at once. */
const CONNECTION_MS_MAX = 10_000
const CONNECTIONS_MAX = 8
const OWNER_ONLY = 0o600
const END_OF_LINE = 0x0a

/** Resolves with the key when enough shares were given. @throws LimenError `cannot-listen`, `custody-sealed` when it is aborted */
export async function takeShares(options: UnsealDoorOptions): Promise<WrappingKey> {
  const { sealed, door, signal } = options
  const given = Promise.withResolvers<WrappingKey>()
  // Aborted before anybody waits.
  given.promise.catch(() => undefined)
  const server = createServer((socket) => {
    answer(socket, sealed).then(
      (key) => key !== undefined && given.resolve(key),
      () => socket.destroy(),
    )
  })
  server.maxConnections = CONNECTIONS_MAX
  await listen(server, door)
  const abort = (): void => given.reject(isSealed(door))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort()
  options.onOpen()
  try {
    return await given.promise
  } finally {
    signal?.removeEventListener('abort', abort)
    sealed.forget()
    server.close()
    rmSync(door, { force: true })
  }
}

/** Gives a share, or asks how it stands with none. @throws LimenError `custody-door` when nobody is behind that door */
export async function giveShare(door: string, line: Uint8Array): Promise<DoorAnswer> {
  const socket = createConnection(nearest(door))
  socket.setTimeout(CONNECTION_MS_MAX, () => socket.destroy())
  try {
    await once(socket, 'connect')
    socket.write(line)
    socket.write('\n')
    const bytes = await lineOf(socket, ANSWER_BYTES_MAX)
    return JSON.parse(Buffer.from(bytes ?? []).toString()) as DoorAnswer
  } catch (cause) {
    const text = `Nobody takes shares at ${door}`
    throw new LimenError('custody-door', text, { side: 'operator', retry: false, cause })
  } finally {
    socket.destroy()
  }
}

async function listen(server: ReturnType<typeof createServer>, door: string): Promise<void> {
  makePrivateFolder(dirname(door))
  if (lstatSync(door, { throwIfNoEntry: false })?.isSocket() === true) {
    if (await isAnswered(nearest(door))) {
      const text = `Somebody takes shares at ${door} already`
      throw new LimenError('cannot-listen', text, { side: 'operator', retry: true })
    }
    rmSync(door)
  }
  server.listen(nearest(door))
  try {
    await once(server, 'listening')
  } catch (cause) {
    const text = `Cannot listen on ${door}: ${(cause as NodeJS.ErrnoException).code}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: false, cause })
  }
  chmodSync(door, OWNER_ONLY)
}

async function answer(socket: Socket, sealed: SealedKey): Promise<WrappingKey | undefined> {
  socket.setTimeout(CONNECTION_MS_MAX, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  const line = await lineOf(socket, LINE_BYTES_MAX)
  if (line === undefined) {
    socket.destroy()
    return undefined
  }
  const { threshold, points } = sealed.state()
  const outcome =
    line.length === 0
      ? ({ kind: 'sealed', missing: threshold - points.length } as const)
      : sealed.give(line)
  line.fill(0)
  const said: DoorAnswer = outcome.kind === 'unsealed' ? { kind: 'unsealed' } : outcome
  socket.end(`${JSON.stringify(said)}\n`)
  return outcome.kind === 'unsealed' ? outcome.key : undefined
}

/** Without its end; undefined for one that is too long or does not end. What was read besides is zeroed. */
async function lineOf(socket: Socket, bytesMax: number): Promise<Uint8Array | undefined> {
  const line = new Uint8Array(bytesMax)
  let at = 0
  for await (const piece of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    const end = piece.indexOf(END_OF_LINE)
    const part = end < 0 ? piece : piece.subarray(0, end)
    const fits = at + part.length <= bytesMax
    if (fits) line.set(part, at)
    at += part.length
    piece.fill(0)
    if (fits && end < 0) continue
    const whole = fits ? line.slice(0, at) : undefined
    line.fill(0)
    return whole
  }
  line.fill(0)
  return undefined
}

function isSealed(door: string): LimenError {
  const text = `Custody is sealed: too few operators have given their shares at ${door}`
  return new LimenError('custody-sealed', text, { side: 'operator', retry: true })
}
