/**
 * What a run stands on: a folder and a certificate of its own, and the processes to end when it is over.
 *
 * @module
 */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bed } from './proxies.ts'

const UPSTREAM_PORT = 19_000
/** To end by themselves. */
const END_MS = 500

export function makeBed(): Bed {
  const folder = mkdtempSync(join(tmpdir(), 'limen-bench-'))
  const [cert, key, both] = ['cert.pem', 'key.pem', 'both.pem'].map((name) => join(folder, name))
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const files = ['-keyout', key as string, '-out', cert as string, '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...curve, ...files, ...names], { stdio: 'ignore' })
  writeFileSync(
    both as string,
    readFileSync(cert as string, 'utf8') + readFileSync(key as string, 'utf8'),
  )
  const bed: Bed = {
    folder,
    upstreamPort: UPSTREAM_PORT,
    cert: cert as string,
    key: key as string,
    both: both as string,
    started: [],
  }
  beds.add(bed)
  return bed
}

export async function endBed(bed: Bed): Promise<void> {
  for (const child of bed.started) child.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, END_MS))
  for (const child of bed.started) killGroup(child)
  beds.delete(bed)
  rmSync(bed.folder, { recursive: true, force: true })
}

const beds = new Set<Bed>()
// Ended by a signal, too, a run leaves no proxies behind.
process.once('exit', () => {
  for (const { started } of beds) started.forEach(killGroup)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

/** Its own processes with it: those of nginx outlive one that is killed. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // All of them have ended.
  }
}
