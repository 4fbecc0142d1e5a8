import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { forwardingFields } from '../src/adapters/edge/forwarding.ts'
import { CONFIG_DEFAULTS } from '../src/apps/server/config/defaults.ts'
import { readConfig } from '../src/apps/server/config/read-config.ts'
import { metricsRegistry } from '../src/apps/server/metrics.ts'
import { sampleDecision } from '../src/ports/decision-log.contract.ts'
import { fakeDataPlane } from './fake-data-plane.ts'
import { runLimen, SHORT_CONFIG } from './running-limen.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...inDocs]
/** Commands are promised here; decisions tell of what was considered too. */
const MANUALS = PAGES.filter((path) => !path.startsWith('docs/decisions/'))

const matches = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([whole, first]) => first ?? whole)
const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort()
/** First cells of a table's rows, as far as they are code. */
const rowsOf = (text: string, begin: RegExp): readonly string[] =>
  matches(text, /^\| `([^`]+)`/gm).filter((cell) => begin.test(cell))

describe('links and names', () => {
  for (const page of PAGES) {
    it(`${page} links to files that are there`, () => {
      const links = matches(read(page), /\]\(([^)\s]+)\)/g).filter(
        (link) => !/^(?:https?|mailto):/.test(link),
      )
      const missing = links.filter((link) => {
        const [path = ''] = link.split('#')
        return !existsSync(join(ROOT, dirname(page), path))
      })
      assert.deepEqual(missing, [])
    })

    it(`${page} names files that are there`, () => {
      const names = matches(read(page), /`((?:src|test|docs|scripts|bench|eval|bin)\/[\w./-]+)`/g)
      assert.deepEqual(
        names.filter((name) => !existsSync(join(ROOT, normalize(name)))),
        [],
      )
    })
  }

  it('the threat model names tests that are there', () => {
    const names = matches(read('docs/threat-model.md'), /`([\w-]+\.test\.ts)`/g)
    assert.ok(names.length > 20)
    assert.deepEqual(
      names.filter((name) => !existsSync(join(ROOT, 'test/real', name))),
      [],
    )
  })
})

describe('whole configurations', () => {
  const blocks = PAGES.flatMap((page) =>
    matches(read(page), /```yaml\n([\s\S]*?)```/g).map((text) => ({ page, text })),
  ).filter(({ text }) => /^listeners:/m.test(text))
  assert.ok(blocks.length >= 2)
  for (const { page, text } of blocks) {
    it(`${page}: ${text.split('\n').length - 1} lines are read without complaint`, () => {
      const outcome = readConfig({ file: page, text, folder: ROOT }, {})
      assert.deepEqual(outcome.kind === 'refused' ? outcome.complaints : [], [])
    })
  }
})

describe('limen commands', () => {
  const help = async (...words: string[]): Promise<string> =>
    (await promisify(execFile)(join(ROOT, 'bin/limen'), [...words, '--help'])).stdout
  const namesIn = (text: string): readonly string[] =>
    matches(text.split('Commands:')[1] ?? '', /^ {2}(\w+)/gm).filter((name) => name !== 'help')
  const known = (async () => {
    const names = ['decisions', 'keys', 'profiles', 'sessions', 'signatures', 'upstreams']
    const [all, ...helps] = await Promise.all([help(), ...names.map((name) => help(name))])
    const groups: ReadonlyMap<string, readonly string[]> = new Map(
      names.map((name, i) => [name, namesIn(helps[i] ?? '')]),
    )
    return { all: namesIn(all), groups }
  })()

  /** Inside of code: `limen word`, `./bin/limen word other|another`. */
  const commandsIn = (text: string) =>
    matches(text, /```sh\n[\s\S]*?```|`[^`\n]+`/g).flatMap((code) =>
      [...code.matchAll(/(?:^|[`\s/])limen ([a-z]+)(?: ([a-z]+(?:\|[a-z]+)*))?/gm)].map(
        ([, word = '', rest = '']) => ({
          word,
          rest: rest.split('|').filter((each) => each !== ''),
        }),
      ),
    )

  for (const page of MANUALS) {
    const commands = commandsIn(read(page))
    if (commands.length === 0) continue
    it(`${page} mentions ${commands.length}, and each exists`, async () => {
      const { all, groups } = await known
      for (const { word, rest } of commands) {
        assert.ok(all.includes(word), `limen ${word}`)
        const inGroup = groups.get(word)
        for (const each of inGroup === undefined ? [] : rest) {
          assert.ok(inGroup?.includes(each), `limen ${word} ${each}`)
        }
      }
    })
  }

  it('are all in docs/operations.md', async () => {
    const { all, groups } = await known
    const written = commandsIn(read('docs/operations.md'))
    assert.deepEqual(sorted(written.map(({ word }) => word)), sorted(all))
    for (const [group, names] of groups) {
      const said = written.filter(({ word }) => word === group).flatMap(({ rest }) => rest)
      assert.deepEqual(sorted(said), sorted(names))
    }
  })

  it('npm scripts that are mentioned exist', () => {
    const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(
      read('package.json'),
    )
    for (const page of MANUALS) {
      for (const name of matches(read(page), /npm run ([\w:]+)/g)) assert.ok(scripts[name], name)
    }
  })
})

/** Keys with their dots, and values as text. */
function leavesOf(value: object, above = ''): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, inner]) => {
      const path = above === '' ? key : `${above}.${key}`
      return typeof inner === 'object' ? leavesOf(inner, path) : { [path]: String(inner) }
    }),
  )
}

describe('tables', () => {
  const operations = read('docs/operations.md')

  it('limits and timeouts: every key, with its default', () => {
    for (const group of ['limits', 'timeouts'] as const) {
      const said = [
        ...operations.matchAll(new RegExp(`^\\| \`${group}\\.(\\w+)\` \\| (\\d+) `, 'gm')),
      ]
      assert.deepEqual(
        Object.fromEntries(said.map(([, key, value]) => [key, Number(value)])),
        CONFIG_DEFAULTS[group],
      )
    }
  })

  it('admission: every key that is a value, with its default', () => {
    const outcome = readConfig({ file: 'x', text: SHORT_CONFIG, folder: ROOT }, {})
    if (outcome.kind !== 'read') assert.fail()
    const { primary: _, rigorous, ...others } = outcome.config.admission
    const { choose: _c, region: _r, members: _m, ...more } = rigorous
    const keys = leavesOf({ admission: { ...others, rigorous: more } })
    const said = [...operations.matchAll(/^\| `(admission\.[\w.]+)` \| `([^`]+)` \|/gm)]
    assert.deepEqual(Object.fromEntries(said.map(([, key, value]) => [key, value])), keys)
  })

  it('sessions: every key, with its default', () => {
    const outcome = readConfig({ file: 'x', text: SHORT_CONFIG, folder: ROOT }, {})
    if (outcome.kind !== 'read') assert.fail()
    const { groups, suites, ...others } = outcome.config.sessions
    const lists = { groups: JSON.stringify(groups), suites: JSON.stringify(suites) }
    const keys = leavesOf({ sessions: { ...others, ...lists } })
    const said = [...operations.matchAll(/^\| `(sessions\.[\w.]+)` \| `([^`]+)` \|/gm)]
    assert.deepEqual(Object.fromEntries(said.map(([, key, value]) => [key, value])), keys)
  })

  it('forecast: every key, with its default', () => {
    const said = [...operations.matchAll(/^\| `(forecast\.\w+)` \| `([^`]+)` \|/gm)]
    assert.deepEqual(
      Object.fromEntries(said.map(([, key, value]) => [key, value])),
      leavesOf({ forecast: CONFIG_DEFAULTS.forecast }),
    )
  })

  it('metrics: all but those of Node', async () => {
    const plane = fakeDataPlane()
    const registry = metricsRegistry({
      ...{ plane, isReady: () => true, certificates: () => [], decisionsDropped: () => 0 },
      profiles: () => ({
        ...{ profiles: 0, verdicts: 0, signatures: 0, learned: 0, dropped: 0, unstored: 0 },
      }),
      handshakePools: () => [],
      sessions: () => undefined,
      keyMisses: () => undefined,
      forecasts: () => [],
      anomalies: () => [],
      scalings: () => [],
    })
    const names = registry.getMetricsAsArray().map(({ name }) => name)
    assert.deepEqual(
      sorted(rowsOf(operations, /^limen_/)),
      sorted(names.filter((name) => !/^limen_(?:process|nodejs)_/.test(name))),
    )
  })

  it('routes of the admin API: all, and no other', async () => {
    const limen = await runLimen()
    try {
      const answer = await fetch(new URL('/openapi.json', limen.running.adminUrl))
      const { paths } = (await answer.json()) as {
        paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
      }
      const routes = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      )
      const said = rowsOf(read('docs/http-api.md'), /^[A-Z]+ \//).map((row) =>
        row.replace(/\?.*/, '').replace(/:(\w+)/g, '{$1}'),
      )
      // It does not describe itself.
      const others = ['GET /openapi.json']
      assert.deepEqual(sorted(said), sorted([...routes, ...others]))
    } finally {
      await limen.end()
    }
  })

  it('request fields of a decision', () => {
    const handshake = { ja4: 'x', ja4Stable: 'x', sni: '', alpn: [], client: 'x' }
    const decision = {
      ...sampleDecision(1),
      handshake: { ...handshake, resumption: false, chunks: 1, arrivalMs: 1 },
    }
    const client = { remoteAddress: '::1', secure: true, localPort: 443, decision }
    const fields = forwardingFields(client, 'a.test', '2')
    assert.deepEqual(
      sorted(rowsOf(read('docs/wire/decision.md'), /^Limen-/)),
      sorted(matches(fields, /^(Limen-\w+): /gm)),
    )
  })
})
