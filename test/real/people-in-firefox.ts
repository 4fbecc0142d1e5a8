/**
 * People in Firefox before a whole Limen (`people-site.ts`), by WebDriver BiDi, which Firefox speaks without a driver beside it. Hands take the
 * time they take: there is no saying when a key was pressed.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { BEHAVIOR_PASS_COOKIE } from '../../src/adapters/edge/behavior-sessions.ts'
import { freePorts } from '../free-ports.ts'
import { until } from './fleet-under-test.ts'
import {
  EVERY_MS,
  type HandEvent,
  type Me,
  type PeopleSite,
  pageOf,
  startPeopleSite,
  type Visit,
} from './people-site.ts'

export interface PeopleInFirefox extends Pick<PeopleSite, 'served'> {
  /** Somebody without cookies who has logged in as `user`; how often each server served it is counted under `visitor`. */
  comes(visitor: string, user: string): Promise<Visit>
  close(): Promise<void>
}

/** It starts in 5 s here, with a profile that is new. */
const START_MS_MAX = 90_000
const STEP_MS_MAX = 60_000
const END_MS_MAX = 10_000
/** What was told last arrives within one interval and a moment. */
const TOLD_MS = EVERY_MS + 1000

export async function startPeopleInFirefox(): Promise<PeopleInFirefox> {
  const site = await startPeopleSite()
  try {
    const firefox = await startFirefox()
    return {
      served: site.served,
      comes: (visitor, user) => comes(firefox, site.origin, visitor, user),
      async close() {
        await firefox.close()
        await site.close()
      },
    }
  } catch (error) {
    await site.close()
    throw error
  }
}

interface Firefox {
  /** A command of WebDriver BiDi. @throws Error with what Firefox says is wrong */
  ask(method: string, parameters: object): Promise<Record<string, unknown>>
  close(): Promise<void>
}

async function startFirefox(): Promise<Firefox> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-firefox-'))
  const [port = 0] = await freePorts(1)
  const env = { ...process.env, HOME: folder, MOZ_HEADLESS: '1', MOZ_CRASHREPORTER_DISABLE: '1' }
  const child = spawn(
    'firefox-esr',
    ['--headless', '--no-remote', '--profile', folder, `--remote-debugging-port=${port}`],
    { env, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-4000)
  })
  const close = async () => {
    await endOf(child)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await until('Firefox listens', START_MS_MAX, () => printed.includes('WebDriver BiDi listening'))
    const socket = new WebSocket(`ws://127.0.0.1:${port}/session`)
    await once(socket, 'open')
    const ask = asker(socket)
    await ask('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } })
    return { ask, close }
  } catch (error) {
    await close()
    throw new Error(`Firefox does not listen: ${printed}`, { cause: error })
  }
}

function asker(socket: WebSocket): Firefox['ask'] {
  type Answer = { id?: number; result?: Record<string, unknown>; error?: string; message?: string }
  const waiting = new Map<number, (answer: Answer) => void>()
  socket.on('message', (data) => {
    const answer = JSON.parse(String(data)) as Answer
    waiting.get(answer.id ?? -1)?.(answer)
    waiting.delete(answer.id ?? -1)
  })
  let id = 0
  return async (method, params) => {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    waiting.set(++id, resolve)
    socket.send(JSON.stringify({ id, method, params }))
    const { result, error, message } = await promise
    if (result === undefined) throw new Error(`${method}: ${error}: ${message}`)
    return result
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'close')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
  await ended
  clearTimeout(late)
}

async function comes(
  { ask }: Firefox,
  origin: string,
  visitor: string,
  user: string,
): Promise<Visit> {
  const { userContext } = await ask('browser.createUserContext', {})
  const { context } = await ask('browsingContext.create', { type: 'tab', userContext })
  await ask('browsingContext.activate', { context })
  /** What `expression` comes to, by way of JSON. */
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = await ask('script.evaluate', {
      expression: `Promise.resolve(${expression}).then((it) => JSON.stringify(it ?? null))`,
      target: { context },
      awaitPromise: true,
    })
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return JSON.parse((result as { value: string }).value)
  }
  const visit: Visit = {
    async load(query = '') {
      await delay(TOLD_MS)
      await ask('browsingContext.navigate', {
        ...{ context, url: pageOf(origin, visitor, query), wait: 'complete' },
      })
      // Whoever must do some work first is led there, and back when it is done.
      await until('the page is there', STEP_MS_MAX, async () =>
        Boolean(await evaluate('window.behavior !== undefined').catch(() => false)),
      )
      if ((await evaluate('behavior.consent()')) !== 'profile') throw new Error('nothing is told')
      return String(await evaluate(`document.querySelector('#server').textContent`))
    },
    async play(events) {
      const startMs = performance.now() - (events[0]?.atMs ?? 0)
      for (const [field, keys] of byField(events)) {
        await delay(Math.max(0, (keys[0]?.atMs ?? 0) + startMs - performance.now()))
        await evaluate(`document.querySelector('#${field}').focus()`)
        const actions = [{ type: 'key', id: 'keyboard', actions: keyActions(keys) }]
        await ask('input.performActions', { context, actions })
      }
    },
    me: async () =>
      (await evaluate(`fetch('/.well-known/limen/behavior/me').then((it) => it.json())`)) as Me,
    async hasPass() {
      const partition = { type: 'context', context }
      const { cookies } = await ask('storage.getCookies', { partition })
      return (cookies as { name: string }[]).some(({ name }) => name === BEHAVIOR_PASS_COOKIE)
    },
    async leave() {
      await delay(TOLD_MS)
      await ask('browsingContext.close', { context })
      await ask('browser.removeUserContext', { userContext })
    },
  }
  await visit.load()
  await visit.load(`user=${user}`)
  await until('who it is is known', STEP_MS_MAX, async () => (await visit.me()).known)
  return visit
}

type KeyEvent = HandEvent & { readonly kind: 'down' | 'up' }

function byField(events: readonly HandEvent[]): [field: string, keys: KeyEvent[]][] {
  const fields: [string, KeyEvent[]][] = []
  for (const event of events) {
    if (event.kind === 'focus') fields.push([event.field, []])
    else if (event.kind === 'down' || event.kind === 'up') fields.at(-1)?.[1].push(event)
  }
  return fields
}

/** Each when it is due: one behind the other, with pauses. */
function keyActions(events: readonly KeyEvent[]): object[] {
  let atMs = events[0]?.atMs ?? 0
  return events.flatMap(({ kind, key, atMs: due }) => {
    const duration = Math.max(0, Math.round(due - atMs))
    atMs += duration
    const type = kind === 'down' ? 'keyDown' : 'keyUp'
    return [
      { type: 'pause', duration },
      { type, value: key },
    ]
  })
}
