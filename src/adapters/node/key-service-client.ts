/**
 * Asks a key service of video sources over TLS: as an operator with a token and its authority, or as who enrols, who knows nothing but which
 * certificate it has to have.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type TLSSocket } from 'node:tls'
import { LimenError } from '../../ground/limen-error.ts'

export interface KeyServicePlace {
  /** `https://host:port`. */
  readonly url: string
  /** PEM of its authority. */
  readonly ca?: string
  /** Else: SHA-256 of its certificate, base64url. */
  readonly pin?: string
  readonly token?: string
}

const WAIT_MS = 10_000
/** A list of 10 000 devices. */
const ANSWER_BYTES_MAX = 8 << 20

/** What it answers, JSON. @throws LimenError `admin-unreachable`, or the code of a refusal */
export async function askKeyService(
  place: KeyServicePlace,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const socket = await reach(place)
  try {
    return await ask(socket, place, method, path, body)
  } finally {
    socket.destroy()
  }
}

async function reach({ url, ca, pin }: KeyServicePlace): Promise<TLSSocket> {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'https:' || (ca === undefined) === (pin === undefined)) {
    throw new RangeError('A key service is asked over https, by its authority or its certificate')
  }
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({
    ...{ host, port: Number(port), minVersion: 'TLSv1.3', timeout: WAIT_MS },
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
  })
  socket.on('timeout', () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'secureConnect')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw unreachable(`No key service at ${url} (${code ?? message})`, cause)
  }
  const raw = socket.getPeerX509Certificate()?.raw ?? new Uint8Array()
  if (pin === undefined || createHash('sha256').update(raw).digest('base64url') === pin) {
    return socket
  }
  socket.destroy()
  throw unreachable(`What answers at ${url} is not the key service of this code`)
}

async function ask(
  socket: TLSSocket,
  { url, token }: KeyServicePlace,
  method: string,
  path: string,
  body: unknown,
): Promise<unknown> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const asked = request(new URL(path, url.replace('https:', 'http:')), {
    ...{ method, createConnection: () => socket },
    headers: {
      'content-length': Buffer.byteLength(text),
      ...(text === '' ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  })
  asked.end(text)
  try {
    const [response] = await once(asked, 'response')
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response) {
      size += chunk.length
      if (size > ANSWER_BYTES_MAX) throw new Error('its answer is too long')
      chunks.push(chunk)
    }
    const answer = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (response.statusCode === 200) return answer
    throw new LimenError(String(answer.type).replace('urn:limen:err:', ''), String(answer.detail), {
      side: 'operator',
      retry: false,
    })
  } catch (error) {
    if (error instanceof LimenError) throw error
    throw unreachable(`No answer of the key service at ${url}: ${(error as Error).message}`, error)
  }
}

function unreachable(text: string, cause?: unknown): LimenError {
  return new LimenError('admin-unreachable', text, { side: 'operator', retry: true, cause })
}
