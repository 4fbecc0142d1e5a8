/**
 * A client of octets over TCP or TLS for tests that look at what exactly is said: writes text, reads until a
 * pattern or the end.
 *
 * @module
 */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'

const WITHIN_MS = 10_000

export interface OctetClient {
  readonly socket: net.Socket
  /** Everything read so far, one character per octet. */
  text(): string
  write(text: string | Uint8Array): void
  /** Resolves with what was read when it matches; rejects when the connection ends before. */
  read(pattern: RegExp): Promise<string>
  /** Resolves with what was read when the other side has ended. */
  readAll(): Promise<string>
  close(): void
}

export async function connectOctets(
  port: number,
  secure?: tls.ConnectionOptions,
): Promise<OctetClient> {
  const where = { host: '127.0.0.1', port }
  const socket =
    secure === undefined
      ? net.connect({ ...where, noDelay: true })
      : tls.connect({ ...where, rejectUnauthorized: false, ...secure })
  let text = ''
  let isOver = false
  let wake = (): void => {}
  const over = (): void => {
    isOver = true
    wake()
  }
  socket.setEncoding('latin1')
  socket.on('data', (more: string) => {
    text += more
    wake()
  })
  await once(socket, secure === undefined ? 'connect' : 'secureConnect')
  socket.on('error', () => {})
  socket.on('end', over).on('close', over)
  const wait = async (what: string, isDone: () => boolean): Promise<string> => {
    const deadline = performance.now() + WITHIN_MS
    // Not before something is wrong: to look at the text is to copy all of it.
    const shown = () => JSON.stringify(text.slice(0, 500))
    while (!isDone()) {
      if (isOver) throw new Error(`The connection ended before ${what}: ${shown()}`)
      const left = deadline - performance.now()
      if (left < 0) throw new Error(`Not in time: ${what}: ${shown()}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return text
  }
  return {
    socket,
    text: () => text,
    write: (octets) => void socket.write(octets),
    read: (pattern) => wait(String(pattern), () => pattern.test(text)),
    readAll: () => wait('the end', () => isOver),
    close: () => socket.destroy(),
  }
}

/** One whole exchange that ends with the connection. */
export async function converse(
  port: number,
  text: string,
  secure?: tls.ConnectionOptions,
): Promise<string> {
  const client = await connectOctets(port, secure)
  client.write(text)
  const read = await client.readAll()
  client.close()
  return read
}

/** What follows the head of the last response. */
export const bodyIn = (text: string): string => text.slice(text.lastIndexOf('\r\n\r\n') + 4)
