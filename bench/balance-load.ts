/**
 * Sessions as people make them: they come by chance, ask by chance, keep cookies, and do not wait for one another.
 * `node balance-load.ts PORT SECONDS_EACH RATES FILE [PATHS]`, rates in requests per second, comma-separated; of the paths, also
 * comma-separated, each is as likely. Writes JSON.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'

const [port = '', seconds = '', rateList = '', file = '', pathList = '/'] = process.argv.slice(2)
const rates = rateList.split(',').map(Number)
const paths = pathList.split(',')
const eachMs = Number(seconds) * 1000
/** Requests of a session, and between them, in the mean. */
const REQUESTS = 20
const THINK_MS = 500
const TIMEOUT_MS = 10_000
/** Addresses that sessions come from, for proxies that hash them. */
const ADDRESSES = 64
const agents = Array.from({ length: ADDRESSES }, (_, i) => ({
  agent: new Agent({ keepAlive: true, rejectUnauthorized: false }),
  localAddress: `127.0.0.${i + 2}`,
}))

interface Answer {
  readonly at: number
  readonly latencyMs: number
  readonly server: string
  readonly path: string
  readonly moved: boolean
}

const answers: Answer[] = []
/** What became of the others, and when. */
const failures: string[] = []
let open = 0
const began = performance.now()
const now = (): number => performance.now() - began
const exponential = (mean: number): number => -Math.log(1 - Math.random()) * mean

class Visit {
  readonly #from = agents[Math.floor(Math.random() * ADDRESSES)] as (typeof agents)[number]
  #left = 1 + Math.floor(exponential(REQUESTS - 1))
  #cookie = ''
  #server = ''

  go(): void {
    const at = now()
    open++
    const headers = this.#cookie === '' ? {} : { cookie: this.#cookie }
    const path = paths[Math.floor(Math.random() * paths.length)] as string
    const options = { ...this.#from, host: '127.0.0.1', port, path, headers, timeout: TIMEOUT_MS }
    let isOver = false
    const end = (failure = ''): void => {
      if (isOver) return
      isOver = true
      open--
      if (failure !== '') failures.push(`${failure} after ${now() - at} ms at ${at} ms`)
      if (--this.#left > 0 && now() < rates.length * eachMs)
        setTimeout(() => this.go(), exponential(THINK_MS))
    }
    const asked = request(options, (response) => {
      const server = String(response.headers['x-server'])
      const set = response.headers['set-cookie']?.[0]
      if (set !== undefined) this.#cookie = set.split(';')[0] ?? ''
      response.resume().on('error', (error) => end(String(error)))
      response.on('end', () => {
        const moved = this.#server !== '' && this.#server !== server
        this.#server = server
        if (response.statusCode === 200) {
          answers.push({ at, latencyMs: now() - at, server, path, moved })
        }
        end(response.statusCode === 200 ? '' : `status ${response.statusCode}`)
      })
    })
    asked.on('timeout', () => asked.destroy()).on('error', (error) => end(String(error)))
    asked.end()
  }
}

function arrive(): void {
  const rate = rates[Math.floor(now() / eachMs)]
  if (rate === undefined) return
  new Visit().go()
  setTimeout(arrive, exponential((REQUESTS * 1000) / rate))
}

arrive()
const timer = setInterval(() => {
  if (now() < rates.length * eachMs || open > 0) return
  clearInterval(timer)
  writeFileSync(file, JSON.stringify({ answers, failures }))
  process.exit()
}, 50)
