/**
 * A whole Limen around a data plane that serves nobody, in a folder that is removed again.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configFile } from '../src/apps/server/load-config.ts'
import { type Running, up } from '../src/apps/server/up.ts'
import { type FakeDataPlane, fakeDataPlane } from './fake-data-plane.ts'

export interface RunningLimen {
  readonly running: Running
  readonly plane: FakeDataPlane
  readonly folder: string
  readonly logs: string[]
  readonly token: string
  /** Writes `limen.yaml` again. */
  configure(text: string): void
  end(): Promise<void>
}

/** The shortest useful configuration, on free ports. */
export const SHORT_CONFIG = `listeners:
  - { name: plain, address: 127.0.0.1:8080 }
pools:
  - { name: site, servers: [{ id: a, address: 127.0.0.1:9101 }, { id: b, address: 127.0.0.1:9102 }] }
routes: [{ pool: site }]
timeouts: { drainMs: 100 }
admin: { address: 127.0.0.1:0 }
metrics: { address: 127.0.0.1:0 }
`

export async function runLimen(
  text = SHORT_CONFIG,
  prepare: (folder: string) => void | Promise<void> = () => {},
): Promise<RunningLimen> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-'))
  const file = join(folder, 'limen.yaml')
  const configure = (next: string): void => writeFileSync(file, next)
  configure(text)
  await prepare(folder)
  const plane = fakeDataPlane()
  const logs: string[] = []
  try {
    const running = await up({
      source: configFile(file),
      // No nodes beside it: test/real/root-of-trust.test.ts.
      environment: { LIMEN_CUSTODY__MODE: 'off' },
      openDataPlane: () => plane,
      writeLog: (line) => logs.push(line),
    })
    const end = async (): Promise<void> => {
      await running.stop()
      rmSync(folder, { recursive: true })
    }
    return { running, plane, folder, logs, configure, end, token: tokenIn(folder) }
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
}

function tokenIn(folder: string): string {
  try {
    return readFileSync(join(folder, 'data/admin-token'), 'utf8').trim()
  } catch {
    return ''
  }
}
