/**
 * Requests that come by chance at given rates and wait for nobody, each sent to all of several paths at the same moment: so both sides of a
 * comparison meet the same load. `node elastic-load.ts PORT PATHS STEP_S RATES FILE`, paths and rates (requests per second, one for each step)
 * comma-separated. Writes JSON: for each path, for each request when it was sent and how long it took (ms; -1: it failed).
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'

const [port = '', pathList = '', step = '', rateList = '', file = ''] = process.argv.slice(2)
const paths = pathList.split(',')
const rates = rateList.split(',').map(Number)
const stepMs = Number(step) * 1000
const TIMEOUT_MS = 10_000

const agent = new Agent({ keepAlive: true })
const answers: Record<string, [at: number, latencyMs: number][]> = {}
for (const path of paths) answers[path] = []
let open = 0
const began = performance.now()
const now = (): number => performance.now() - began

function send(path: string): void {
  const at = now()
  open++
  let isOver = false
  const end = (good: boolean): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    open--
    answers[path]?.push([at, good ? now() - at : -1])
  }
  const asked = request({ agent, host: '127.0.0.1', port, path }, (response) => {
    response.resume().on('error', () => end(false))
    response.on('end', () => end(response.statusCode === 200))
  })
  const timer = setTimeout(() => asked.destroy(), TIMEOUT_MS)
  asked.on('error', () => end(false)).end()
}

/** By the clock, not by timers that come late: else a busy machine would make less load. */
let due = 0
function arrive(): void {
  while (due <= now()) {
    const rate = rates[Math.floor(due / stepMs)]
    if (rate === undefined) return
    for (const path of paths) send(path)
    due += (-Math.log(1 - Math.random()) * 1000) / rate
  }
  setTimeout(arrive, Math.max(0, due - now()))
}

arrive()
const timer = setInterval(() => {
  if (now() < rates.length * stepMs || open > 0) return
  clearInterval(timer)
  writeFileSync(file, JSON.stringify(answers))
  process.exit()
}, 50)
