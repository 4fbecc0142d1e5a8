/**
 * Builds the console into `dist/console` by vite, unless what is there is newer than its sources.
 * `--always` builds it anyhow.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = join(ROOT, 'src/apps/console')
const BUILT = join(ROOT, 'dist/console/index.html')

if (process.argv.includes('--always') || !isFresh()) {
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
  const config = join(SOURCES, 'vite.config.ts')
  const args = [vite, 'build', '--config', config, '--logLevel', 'warn']
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) {
    console.error('The console could not be built')
    process.exitCode = 1
  }
}

function isFresh(): boolean {
  if (!existsSync(BUILT)) return false
  const builtAt = statSync(BUILT).mtimeMs
  const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  return sources.every((name) => statSync(join(SOURCES, name)).mtimeMs <= builtAt)
}
