/**
 * `limen up` as a process of its own, in a folder of its own, on free ports.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.ts'

export interface LimenProcess {
  readonly siteUrl: string
  readonly adminUrl: string
  readonly folder: string
  printed(): string
  signal(name: NodeJS.Signals): void
  /** Resolves when it has ended. */
  readonly ended: Promise<number>
  /** Ends whatever is left, and removes the folder. */
  clean(): Promise<void>
}

const READY_MS_MAX = 30_000

/** `text` may hold SITE, ADMIN, METRICS and UPSTREAM, which become addresses. Resolves when it is ready. */
export async function startLimen(
  program: readonly string[],
  text: string,
  onRequest: () => void = () => {},
): Promise<LimenProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-process-'))
  const upstream = createServer((_request, response) => {
    onRequest()
    response.end('hello')
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const [site, admin, metrics] = await freePorts(3)
  const address = (port: number | undefined): string => `127.0.0.1:${port}`
  const config = text
    .replace('SITE', address(site))
    .replace('ADMIN', address(admin))
    .replace('METRICS', address(metrics))
    .replace('UPSTREAM', address((upstream.address() as AddressInfo).port))
  writeFileSync(join(folder, 'limen.yaml'), config)

  const [command = '', ...args] = program
  const child = spawn(command, [...args, 'up', '-c', 'limen.yaml'], {
    cwd: folder,
    // No nodes beside it, unless a test says so.
    env: { LIMEN_CUSTODY__MODE: 'off', ...process.env },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      printed += more
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => (signal === null ? code : -1))
  const limen: LimenProcess = {
    siteUrl: `http://${address(site)}/`,
    adminUrl: `http://${address(admin)}/`,
    folder,
    printed: () => printed,
    signal: (name) => child.kill(name),
    ended,
    async clean() {
      child.kill('SIGKILL')
      await ended
      upstream.close()
      upstream.closeAllConnections()
      rmSync(folder, { recursive: true })
    },
  }
  const deadline = Date.now() + READY_MS_MAX
  while (!(await isReady(`${limen.adminUrl}readyz`))) {
    if (child.exitCode === null && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      continue
    }
    await limen.clean()
    throw new Error(`limen is not ready:\n${printed}`)
  }
  return limen
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
