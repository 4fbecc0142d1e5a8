/**
 * Builds what is published: JavaScript with types, the console and the files for browsers in `dist/`, and
 * `limen.schema.json`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = join(ROOT, 'src')
const DIST = join(ROOT, 'dist')
/** What the compiler leaves behind but the program reads. The console has its own build. */
const ASSETS = /\.(?:yaml|css|js|svg|html|json|cnf)$/

rmSync(DIST, { recursive: true, force: true })
for (const project of ['tsconfig.build.json', 'tsconfig.browser-build.json']) {
  run('tsc', [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project])
}
for (const name of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
  if (!ASSETS.test(name) || name.startsWith(join('apps', 'console'))) continue
  cpSync(join(SOURCES, name), join(DIST, name), { recursive: true })
}
run('console', [join(ROOT, 'scripts/console.ts'), '--always'])
run('files for browsers', [join(ROOT, 'scripts/client-files.ts'), '--always'])

const { configJsonSchema } = await import('../src/apps/server/config/json-schema.ts')
writeFileSync(join(ROOT, 'limen.schema.json'), `${JSON.stringify(configJsonSchema(), null, 2)}\n`)

function run(what: string, args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  if (status === 0) return
  console.error(`Build stopped at ${what} (in ${dirname(DIST)})`)
  process.exit(1)
}
