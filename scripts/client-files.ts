/**
 * Builds what browsers load from the key server into `dist/browser`: `limen.js`, `behavior.js` and `start.js` (modules),
 * `worker.js` (a service worker), each one file without imports. Unless what is there is newer than the sources; `--always` builds anyhow.
 *
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = ['src/apps/browser', 'src/wire', 'src/keys', 'src/ground']
const OUT = join(ROOT, 'dist/browser')
const ENTRIES = {
  limen: 'limen',
  start: 'start',
  worker: 'worker',
  behavior: 'behavior/behavior',
} as const
type Name = keyof typeof ENTRIES
const NAMES = Object.keys(ENTRIES) as readonly Name[]

if (process.argv.includes('--always') || !isFresh()) await Promise.all(NAMES.map(buildOne))

async function buildOne(name: Name): Promise<void> {
  await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    build: {
      outDir: OUT,
      emptyOutDir: false,
      target: 'es2022',
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: join(ROOT, `src/apps/browser/${ENTRIES[name]}.ts`),
        preserveEntrySignatures: 'strict',
        // Without exports a module is a script too: the worker is registered as one.
        output: { format: 'es', entryFileNames: `${name}.js`, codeSplitting: false },
      },
    },
  })
}

function isFresh(): boolean {
  const built = NAMES.map((name) => join(OUT, `${name}.js`))
  if (!built.every((path) => existsSync(path))) return false
  const oldest = Math.min(...built.map((path) => statSync(path).mtimeMs))
  return SOURCES.every((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).every(
      (name) => statSync(join(ROOT, folder, name)).mtimeMs <= oldest,
    ),
  )
}
