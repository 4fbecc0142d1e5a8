/**
 * A program with an LMDB environment on a disk that is full after 1 MiB: a limit on the size of files, which ends the
 * same way and needs no rights.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ENVIRONMENT = join(import.meta.dirname, '../src/adapters/lmdb/environment.ts')

export interface FullDisk {
  readonly kept: number
  readonly failures: number
}

/** `body` finds `environment`, counts up `failures`, and sets `kept`. Rejects when the program dies. */
export async function onFullDisk(body: string): Promise<FullDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-full-'))
  const program = join(folder, 'program.mjs')
  writeFileSync(
    program,
    `import { openEnvironment } from '${ENVIRONMENT}'
const environment = await openEnvironment('${join(folder, 'storage')}')
let failures = 0
${body}
console.log(JSON.stringify({ kept, failures }))
process.exit(0)
`,
  )
  // Without the trap the system would end the program by SIGXFSZ; with it, writing fails.
  const shell = `trap '' XFSZ; ulimit -f 1024; exec "$@"`
  const args = ['-c', shell, '-', process.execPath, program]
  try {
    const { stdout } = await promisify(execFile)('bash', args)
    return JSON.parse(stdout) as FullDisk
  } finally {
    rmSync(folder, { recursive: true })
  }
}
