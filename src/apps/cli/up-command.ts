/**
 * `limen up` as a process: its configuration, its signals, and what it says to the person who started it.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import { areSharesHere, ROOT_FILES } from '../custody/cluster-root.ts'
import { type ConfigSource, configFile, configText } from '../server/load-config.ts'
import { STATE_FILES } from '../server/state-files.ts'
import type { OpenDataPlane, Running, UpOptions } from '../server/up.ts'
import { VERSION } from '../server/version.ts'
import { usualConfig } from './admin-client.ts'

export interface UpCommandOptions {
  readonly config?: string
  readonly demo?: boolean
  readonly logFormat?: 'json' | 'text'
}

/**
 * npm passes a Ctrl-C on to what it runs although the terminal has sent it already: a second signal this
 * soon after the first is the same key press.
 */
const SAME_KEY_PRESS_MS = 1000

/** Runs until a signal ends it; resolves with the exit code. */
export async function runUp(
  options: UpCommandOptions,
  out: (text: string) => void,
): Promise<number> {
  return await run(options, { openDataPlane: await dataPlane() }, out)
}

/** `limen keys`: a key server alone, likewise. */
export async function runKeys(
  options: Omit<UpCommandOptions, 'demo'>,
  out: (text: string) => void,
): Promise<number> {
  const { noEdge } = await import('../server/no-edge.ts')
  return await run(options, { openDataPlane: noEdge, isKeyServer: true }, out)
}

async function run(
  options: UpCommandOptions,
  role: Pick<UpOptions, 'openDataPlane' | 'isKeyServer'>,
  out: (text: string) => void,
): Promise<number> {
  const { up } = await import('../server/up.ts')
  const { loadConfig } = await import('../server/live-config.ts')
  const { lockDataFolder } = await import('../server/data-folder-lock.ts')
  const site = options.demo === true ? await demoSite() : undefined
  let unlock: (() => void) | undefined
  try {
    const source = options.demo === true ? demoSource() : configFile(configOf(options))
    // As `up` reads it: a configuration that is refused is so here.
    const { config } = loadConfig({ source, environment: process.env })
    unlock = await lockDataFolder(config.data)
    const running = await up({
      source,
      environment: process.env,
      ...role,
      ...(options.logFormat === undefined ? {} : { logFormat: options.logFormat }),
      ...(options.demo === true && options.logFormat === undefined ? { logFormat: 'text' } : {}),
    })
    out(welcome(running))
    return await untilSignal(running)
  } finally {
    unlock?.()
    await site?.close()
  }
}

async function dataPlane(): Promise<OpenDataPlane> {
  const { openFleet } = await import('../server/fleet.ts')
  return openFleet
}

function configOf({ config }: UpCommandOptions): string {
  const found = config ?? usualConfig(process.env)
  if (found !== undefined) return found
  const text = 'No limen.yaml here: name one with -c, or try limen up --demo'
  throw new LimenError('config-unreadable', text, { side: 'operator', retry: false })
}

async function demoSite() {
  const { startDemoSite } = await import('../demo/site.ts')
  try {
    return await startDemoSite()
  } catch (error) {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number }
    if (code !== 'EADDRINUSE') throw error
    const text = `Cannot start the demo site: port ${port} is in use (another demo?)`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: true, cause: error })
  }
}

/** State goes below the folder one is in, not into the package. */
function demoSource(): ConfigSource {
  const text = readFileSync(new URL('../demo/demo.yaml', import.meta.url), 'utf8')
  return configText('demo.yaml', text, process.cwd())
}

function welcome({ config, listeners, adminUrl, metricsUrl }: Running): string {
  const inData = (name: string): string => {
    const path = join(config.data, name)
    const near = relative('.', path)
    return near.startsWith('..') ? path : near
  }
  const lines = listeners.map(({ name, url }) => `  ${name.padEnd(9)}${url}`)
  lines.push(`  console  ${adminUrl}`, `  metrics  ${metricsUrl}`)
  if (config.sessions.cluster !== undefined) {
    lines.push(
      `  edges    ${config.sessions.cluster.address} (limen cluster issue <edge> lets one in)`,
    )
  }
  if (config.admin.tokens.length === 0) {
    lines.push(`  token    ${inData(STATE_FILES.adminToken)} (a file: changes need what is in it)`)
  }
  if (config.certificates.some((entry) => 'localCa' in entry)) {
    const ca = inData(join(STATE_FILES.localCa, 'ca.pem'))
    lines.push(`  CA       ${ca} (trust it and browsers stop warning)`)
  }
  const custody = join(STATE_FILES.custody, ROOT_FILES.shares)
  if (config.custody.mode === 'embedded' && areSharesHere(join(config.data, STATE_FILES.custody))) {
    lines.push(`  shares   ${inData(custody)} (of operators: hand them out, and remove the file)`)
  }
  return [`Limen ${VERSION} is up.`, '', ...lines, '', 'Ctrl-C drains and stops.'].join('\n')
}

function untilSignal(running: Running): Promise<number> {
  return new Promise((resolve, reject) => {
    let first: number | undefined
    const end = (signal: 'SIGINT' | 'SIGTERM', number: number): void => {
      const now = performance.now()
      if (first === undefined) {
        first = now
        running.log.info({ signal }, 'Stopping; the same again stops at once')
        running.stop().then(() => resolve(0), reject)
      } else if (now - first > SAME_KEY_PRESS_MS) process.exit(128 + number)
    }
    process.on('SIGINT', () => end('SIGINT', 2))
    process.on('SIGTERM', () => end('SIGTERM', 15))
    process.on('SIGHUP', () => void running.reload('SIGHUP'))
  })
}
