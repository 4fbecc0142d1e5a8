/**
 * The demo as `npm start` runs it, for a test: the demo's own configuration with free ports and a
 * temporary data folder, Limen as a child process, the three upstream servers in this one.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startDemoSite } from '../../src/apps/demo/site.ts'
import { freePorts } from '../free-ports.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** As in `src/apps/demo/demo.yaml`. */
const DEMO_PORTS = [8443, 8080, 9440, 9441, 9101, 9102, 9103]
const READY_MS_MAX = 30_000

export interface DemoUnderTest {
  readonly siteUrl: string
  /** The same site without TLS. */
  readonly plainSiteUrl: string
  readonly consoleUrl: string
  readonly sitePort: number
  /** Of the operator Limen made on first start. */
  readonly adminToken: string
  /** What Limen has printed so far. */
  limenLog(): string
  /** Ends Limen only; the console loses its server. */
  stopLimen(): Promise<void>
  close(): Promise<void>
}

/** Resolves when Limen is ready. Rejects with what it printed when it is not in time. */
export async function startDemoUnderTest(): Promise<DemoUnderTest> {
  await buildConsole()
  const folder = mkdtempSync(join(tmpdir(), 'limen-console-'))
  const site = await startDemoSite({ ports: [0, 0, 0] })
  const free = await freePorts(4)
  const ports = [...free, ...site.servers.map((server) => server.port)]
  const [sitePort = 0, plainPort = 0, consolePort = 0] = ports
  const file = join(folder, 'limen.yaml')
  writeFileSync(file, configWith(ports, join(folder, 'data')))

  const limen = await spawnLimen(['up', '-c', file], folder)
  const close = async (): Promise<void> => {
    await limen.stop()
    await site.close()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await limen.ready(`http://127.0.0.1:${consolePort}/readyz`)
    return {
      siteUrl: `https://127.0.0.1:${sitePort}`,
      plainSiteUrl: `http://127.0.0.1:${plainPort}`,
      consoleUrl: `http://127.0.0.1:${consolePort}`,
      sitePort,
      adminToken: readFileSync(join(folder, 'data', 'admin-token'), 'utf8').trim(),
      limenLog: limen.printed,
      stopLimen: limen.stop,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Runs Node on a script of this repository to its end; throws what it printed when it fails. */
export async function runScript(script: string, parameters: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, script), ...parameters], { cwd: ROOT })
  const printed = collect(child)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${printed()}`)
  return printed()
}

/** Unless it is built: Limens of other tests, which run beside this one, are serving it. */
export async function buildConsole(): Promise<void> {
  await runScript('scripts/console.ts', [])
}

function configWith(ports: readonly number[], data: string): string {
  let text = readFileSync(join(ROOT, 'src', 'apps', 'demo', 'demo.yaml'), 'utf8')
  for (const [index, port] of DEMO_PORTS.entries()) {
    text = text.replace(`127.0.0.1:${port}\n`, `127.0.0.1:${ports[index]}\n`)
    text = text.replace(`127.0.0.1:${port} }`, `127.0.0.1:${ports[index]} }`)
  }
  return `data: ${data}\n${text}`
}

interface LimenProcess {
  printed(): string
  ready(url: string): Promise<void>
  stop(): Promise<void>
}

async function spawnLimen(parameters: readonly string[], cwd: string): Promise<LimenProcess> {
  const child = spawn(join(ROOT, 'bin', 'limen'), parameters, { cwd })
  const printed = collect(child)
  const closed = once(child, 'close')
  return {
    printed,
    async ready(url) {
      const deadline = Date.now() + READY_MS_MAX
      while (!(await answers(url))) {
        const ended = child.exitCode !== null
        if (ended || Date.now() > deadline) {
          throw new Error(`Limen ${ended ? 'ended' : 'is not ready in time'}:\n${printed()}`)
        }
        await delay(100)
      }
    },
    async stop() {
      // No drain: what the browser still holds open would keep it for `drainMs`.
      child.kill('SIGKILL')
      await closed
    },
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** Everything a process prints, to be shown when it fails. */
function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  }
  return () => text
}
