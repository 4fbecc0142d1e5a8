/**
 * Lines for another program: appended to a file, or sent over a Unix socket that it listens on. A file is opened anew for each
 * piece, so that whoever rotates it just moves it away. Lines wait while nobody takes them, and the oldest of too many are dropped
 * and counted.
 *
 * @module
 */
import { open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'

export interface LineOutput {
  /** Without its line feed. */
  write(line: string): void
  /** Lines that were never taken. */
  readonly dropped: number
  /** Resolves when what waits is written, or cannot be. */
  close(): Promise<void>
}

/** At some 600 octets each 6 MB. */
const WAITING_MAX = 10_000
const RETRY_MS = 1_000
const OWNER_ONLY = 0o600
const SOCKET = 'unix:'

/**
 * @param place a path, or `unix:` and the path of a socket
 * @param onState it fails, and why, or it works again; each once
 */
export function lineOutput(place: string, onState: (failure?: string) => void): LineOutput {
  const isSocket = place.startsWith(SOCKET)
  const put = isSocket ? overSocket(place.slice(SOCKET.length)) : intoFile(place)
  let waiting: string[] = []
  let dropped = 0
  let hasFailed = false
  let isClosed = false
  let working: Promise<void> | undefined
  let wake: () => void = () => {}

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lines = waiting
      waiting = []
      try {
        await put.write(`${lines.join('\n')}\n`)
        if (hasFailed) onState()
        hasFailed = false
      } catch (error) {
        if (!hasFailed) onState((error as NodeJS.ErrnoException).code ?? String(error))
        hasFailed = true
        waiting = [...lines, ...waiting]
        bound()
        if (isClosed) {
          dropped += waiting.length
          waiting = []
          return
        }
        await new Promise<void>((resolve) => {
          wake = resolve
          setTimeout(resolve, RETRY_MS).unref()
        })
      }
    }
  }
  const bound = (): void => {
    const over = waiting.length - WAITING_MAX
    if (over <= 0) return
    waiting.splice(0, over)
    dropped += over
  }
  return {
    write(line) {
      waiting.push(line)
      bound()
      working ??= work().finally(() => {
        working = undefined
      })
    },
    get dropped() {
      return dropped
    },
    async close() {
      isClosed = true
      wake()
      await working
      put.close()
    },
  }
}

interface Taker {
  write(text: string): Promise<void>
  close(): void
}

function intoFile(path: string): Taker {
  return {
    async write(text) {
      const file = await open(path, 'a', OWNER_ONLY)
      try {
        await file.appendFile(text)
      } finally {
        await file.close()
      }
    },
    close() {},
  }
}

/** A line that was handed to a socket whose reader went away is lost, or comes twice: as with any stream. */
function overSocket(path: string): Taker {
  let socket: Socket | undefined
  const reach = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const reaching = connect(path)
      reaching.once('error', reject)
      reaching.once('connect', () => {
        reaching.off('error', reject)
        reaching.on('error', () => reaching.destroy())
        reaching.on('close', () => {
          if (socket === reaching) socket = undefined
        })
        // Nobody has anything to say to us.
        reaching.resume()
        reaching.unref()
        socket = reaching
        resolve(reaching)
      })
    })
  return {
    async write(text) {
      const taker = socket ?? (await reach())
      await new Promise<void>((resolve, reject) => {
        taker.write(text, (error) => (error ? reject(error) : resolve()))
      })
    },
    close: () => socket?.end(),
  }
}
