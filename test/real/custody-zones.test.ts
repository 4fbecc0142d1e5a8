import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'

const ZONES = join(import.meta.dirname, 'custody-zones.ts')
const WITHIN_MS = 600_000

/** undefined: network namespaces can be made here. */
function cannot(): string | undefined {
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'network namespaces need root and ip (iproute2)'
  }
}

it('custody nodes in three zones, in a network of their own', {
  skip: cannot() ?? false,
  timeout: WITHIN_MS,
}, async (t) => {
  // Not a part of the run around it, whose words it would speak in place of a person's.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const node = [process.execPath, '--test', '--test-reporter=spec', ZONES]
  const script = 'ip link set lo up && exec "$@"'
  const args = ['--net', 'sh', '-c', script, 'sh', ...node]
  const { stdout } = await promisify(execFile)('unshare', args, { env })
  assert.match(stdout, /^ℹ fail 0$/m)
  assert.match(stdout, /^ℹ pass 2$/m)
  for (const [line] of stdout.matchAll(/zone \w away: .*/g)) t.diagnostic(line)
})
