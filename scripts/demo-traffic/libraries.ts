/**
 * Clients written in Node: its own https, undici over HTTP/2, and a WebSocket.
 *
 * @module
 */
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent as UndiciAgent, request as undiciRequest } from 'undici'
import { WebSocket } from 'ws'
import { type Client, pathOf, repeat } from './tally.ts'

const EVERY_MS = 25
const MESSAGE_EVERY_MS = 200
/** The demo's certificate comes from a CA made on this machine, which nobody trusts yet. */
const TRUST = { rejectUnauthorized: false }

/** node:https with keep-alive, a few connections in turn. */
export const nodeHttps: Client = async (target, signal, tally) => {
  const agent = new HttpsAgent({ ...TRUST, keepAlive: true, maxSockets: 4 })
  await repeat(signal, EVERY_MS, tally, (round) => {
    const { host, port } = target
    const options = { host, port, agent, servername: 'localhost', path: pathOf(round), signal }
    return new Promise((resolve, reject) => {
      httpsRequest(options, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', reject)
      })
        .on('error', reject)
        .end()
    })
  })
  agent.destroy()
}

/** undici over one HTTP/2 connection, several requests at a time. */
export const undiciHttp2: Client = async (target, signal, tally) => {
  const dispatcher = new UndiciAgent({
    allowH2: true,
    connect: { ...TRUST, servername: 'localhost' },
  })
  const origin = `https://${target.host}:${target.port}`
  await repeat(signal, EVERY_MS, tally, async (round) => {
    const answers = [0, 1, 2].map(async (offset) => {
      const { statusCode, body } = await undiciRequest(`${origin}${pathOf(round * 3 + offset)}`, {
        dispatcher,
        signal,
      })
      await body.dump()
      return statusCode
    })
    const [first = 0, ...others] = await Promise.all(answers)
    for (const other of others) tally.count(other)
    return first
  })
  await dispatcher.destroy()
}

/** One WebSocket that says something five times a second and hears it back. */
export const webSocket: Client = async (target, signal, tally) => {
  const socket = new WebSocket(`wss://${target.host}:${target.port}/ws`, TRUST)
  socket.on('error', (error) => tally.count(error.message))
  socket.on('message', () => tally.count('echo'))
  for (let round = 0; !signal.aborted; round += 1) {
    await delay(MESSAGE_EVERY_MS, undefined, { signal }).catch(() => {})
    if (socket.readyState === WebSocket.OPEN) socket.send(`message ${round}`)
  }
  socket.terminate()
}
