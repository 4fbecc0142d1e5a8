import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { complaints } from './tidy.ts'

const ROOT = join(import.meta.dirname, '..')

function sourcesIn(folder: string): { path: string; text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${folder}/${name}`)
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** A pure file that is tidy but for what `line` adds. */
const complain = (line: string, path = 'src/routing/ring.ts') =>
  complaints([
    { path, text: `/** Head. */\n${line}\n` },
    { path: 'src/ground/clock.ts', text: '/** Clock. */\n' },
    { path: 'src/behavior/tier.ts', text: '/** Tier. */\n' },
    { path: 'src/adapters/lmdb/store.ts', text: '/** Store. */\n' },
  ])

describe('the house', () => {
  it('is tidy', () => {
    const sources = ['src', 'test', 'scripts', 'bench', 'eval'].flatMap(sourcesIn)
    assert.ok(sources.length > 20)
    assert.deepEqual(complaints(sources), [])
  })
})

describe('what ships', () => {
  it('imports packages that npm installs with it, not what only developers have', () => {
    const { dependencies }: { dependencies: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    )
    // The console is built into one file before.
    const shipped = sourcesIn('src').filter(
      ({ path }) => !/\.(?:test|contract)\.|^src\/apps\/console\//.test(path),
    )
    const missing = shipped.flatMap(({ path, text }) =>
      [
        ...text.matchAll(
          /^(?:import|export)\b[^'";]*?\bfrom '([^.'][^']*)'|^import '([^.'][^']*)'/gm,
        ),
      ]
        .map(([, from, alone]) => from ?? alone ?? '')
        .filter((name) => !name.startsWith('node:'))
        .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'))
        .filter((name) => dependencies[name] === undefined)
        .map((name) => `${path}: ${name}`),
    )
    assert.ok(shipped.length > 100)
    assert.deepEqual(missing, [])
  })
})

describe('complaints()', () => {
  it('says nothing about a tidy file', () => {
    assert.deepEqual(complain("import type { Clock } from '../ground/clock.ts'"), [])
  })

  const untidy: readonly (readonly [line: string, said: RegExp, path?: string])[] = [
    ["import { Tier } from '../behavior/tier.ts'", /routing may not import behavior/],
    ["import {\n  Tier,\n} from '../behavior/tier.ts'", /routing may not import behavior/],
    ["const x = await import('../behavior/tier.ts')", /routing may not import behavior/],
    ["export { Tier } from '../behavior/tier.ts'", /routing may not import behavior/],
    ["import { a } from '../ground/nowhere.ts'", /which is not there/],
    ["import fs from 'node:fs'", /pure and may not import "node:fs"/],
    [
      "import { a } from '../lmdb/store.ts'",
      /may not import adapters\/lmdb/,
      'src/adapters/redis/x.ts',
    ],
    ['const t = Date.now()', /a Clock that the caller passes/],
    ['const r = Math.random()', /a Random that the caller passes/],
    ['export default 1', /a named export/],
    ['export enum Tier { one }', /a union of string literals/],
    ['const x = y as any', /unknown, then narrow it/],
    ['class Ring extends Circle {}', /an interface and functions/],
    ['', /named after nothing/, 'src/ground/string-utils.ts'],
    ['', /no folder that floors.ts knows/, 'src/cellar/x.ts'],
    ["import { a } from './x.ts'", /imports itself/, 'src/ground/x.ts'],
  ]
  for (const [line, said, path] of untidy) {
    it(`complains about ${path ?? line}`, () => {
      assert.match(complain(line, path).join('\n'), said)
    })
  }

  it('wants a header comment, except of tests', () => {
    const text = 'const a = 1\n'
    assert.match(complaints([{ path: 'src/ground/a.ts', text }]).join(), /has no header comment/)
    assert.deepEqual(complaints([{ path: 'src/ground/a.test.ts', text }]), [])
  })
})
