import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { MACHINE_STALE_MS } from '../../ports/said-load.ts'
import { loadAgent } from './load-agent.ts'
import { LoadPoll } from './load-poll.ts'

const LOAD = {
  ...{ cpu: 0.25, memory: 0.5, loadAverage: 1.5 },
  ...{ receivedBytesPerSecond: 1000, sentBytesPerSecond: 2000 },
}
const TOKEN = 'sesame-sesame-sesame'

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/load`
}

/** A poll of `url`, until `use` is done. */
async function polling(
  url: string,
  options: { readonly token?: string; readonly everyMs?: number },
  use: (poll: LoadPoll, pass: (ms: number) => void, told: AsyncGenerator<string>) => Promise<void>,
): Promise<void> {
  let now = 1_790_000_000_000
  const waiting: string[] = []
  let wake = (): void => {}
  async function* said(): AsyncGenerator<string> {
    for (;;) {
      while (waiting.length > 0) yield waiting.shift() ?? ''
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const poll = new LoadPoll({
    ...{ url, token: options.token, clock: { now: () => now }, everyMs: options.everyMs ?? 20 },
    onChange(answers, text) {
      waiting.push(answers ? 'answers' : text)
      wake()
    },
  })
  const pass = (ms: number): void => {
    now += ms
  }
  try {
    await use(poll, pass, said())
  } finally {
    poll.close()
  }
}
const next = async (told: AsyncGenerator<string>): Promise<string> =>
  (await told.next()).value ?? ''

async function answered(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  const url = await listening(server)
  let text = ''
  await polling(url, {}, async (poll, _, told) => {
    text = await next(told)
    if (text !== 'answers') assert.equal(poll.newest(), undefined)
  })
  server.closeAllConnections()
  server.close()
  return text
}

describe('LoadPoll', () => {
  it('asks an agent with its token, and knows what it said for a while', async () => {
    const clock = { now: () => 5 }
    const agent = loadAgent({ clock, token: TOKEN, look: () => LOAD })
    const url = await listening(agent)
    await polling(url, { token: TOKEN, everyMs: 60_000 }, async (poll, pass, told) => {
      assert.equal(poll.newest(), undefined)
      assert.equal(await next(told), 'answers')
      assert.deepEqual(poll.newest(), { ...LOAD, at: 1_790_000_000_000 })
      pass(MACHINE_STALE_MS)
      assert.ok(poll.newest())
      pass(1)
      assert.equal(poll.newest(), undefined)
    })
    await polling(url, { token: 'another-token-entirely' }, async (_, __, told) => {
      assert.equal(await next(told), 'answered 401')
    })
    agent.closeAllConnections()
    agent.close()
  })

  it('asks again after a failure, and tells once of each turn', async () => {
    let status = 503
    let asked = 0
    const server = createServer((_, response) => {
      asked++
      if (asked === 3) status = 200
      response.writeHead(status).end(JSON.stringify(LOAD))
    })
    const url = await listening(server)
    await polling(url, {}, async (poll, _, told) => {
      assert.equal(await next(told), 'answered 503')
      assert.equal(await next(told), 'answers')
      assert.equal(asked, 3)
      assert.equal(poll.newest()?.cpu, 0.25)
      server.closeAllConnections()
      server.close()
      assert.equal(await next(told), 'ECONNREFUSED')
      assert.equal(poll.newest()?.cpu, 0.25, 'for a while')
    })
  })

  it('takes nothing that is no load, not after a redirect, nor without end, nor too late', async () => {
    assert.equal(
      await answered((_, response) => response.end('{"cpu":"much"}')),
      'answered what is no load',
    )
    assert.equal(
      await answered((_, response) => response.writeHead(302, { location: '/' }).end()),
      'answered 302',
    )
    assert.equal(
      await answered((_, response) => {
        const write = (): void => {
          while (response.write('x'.repeat(1000)));
          response.once('drain', write)
        }
        write()
      }),
      'answered too much',
    )
    assert.equal(await answered((_, response) => response.write('{')), 'no answer in time')
    const broken: RequestListener = (request, response) => {
      response.write('{', () => request.socket.destroy())
    }
    assert.equal(await answered(broken), 'the answer broke off')
  })
})

describe('loadAgent()', () => {
  it('says the load to who may know it, and only that', async () => {
    let load: typeof LOAD | undefined
    const clock = { now: () => 1_790_000_000_000 }
    const agent = loadAgent({ clock, token: TOKEN, look: () => load, everyMs: 5 })
    const url = await listening(agent)
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(new URL(path, url), init)
      return [response.status, await response.text()] as const
    }
    const shown = { headers: { authorization: `Bearer ${TOKEN}` } }
    assert.deepEqual(await ask('/load', shown), [503, 'Not measured yet\n'])
    load = LOAD
    let answer = await ask('/load', shown)
    for (let i = 0; i < 100 && answer[0] === 503; i++) answer = await ask('/load', shown)
    assert.deepEqual([answer[0], JSON.parse(answer[1])], [200, { ...LOAD, at: 1_790_000_000_000 }])
    assert.equal((await ask('/load'))[0], 401)
    const wrong = { headers: { authorization: `Bearer ${TOKEN}x` } }
    assert.equal((await ask('/load', wrong))[0], 401)
    assert.equal((await ask('/load', { method: 'POST', ...shown }))[0], 405)
    assert.deepEqual(await ask('/livez'), [200, 'ok\n'])
    assert.equal((await ask('/etc/passwd', shown))[0], 404)
    agent.closeAllConnections()
    agent.close()
  })
})
