import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { SiteReport } from '../../flows/site-report.ts'
import { runsOf } from '../../flows/site-scenario.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { runSimulate, type SimulateOptions } from './simulate-command.ts'
import { readScenario } from './simulate-scenario.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-simulate-'))
after(() => rmSync(folder, { recursive: true }))

const SHORT = 'forS: 30\nsessions: { perMinute: 600 }\nservers: [{ ids: [a, b], slots: 4 }]\n'

/** 9 * 9 * 9 values by aliases. */
const BOMB = `a: &a [${'x,'.repeat(9)}]
b: &b [${'*a,'.repeat(9)}]
c: &c [${'*b,'.repeat(9)}]
d: &d [${'*c,'.repeat(9)}]
`

function scenarioFile(text: string): string {
  const file = join(folder, 'scenario.yaml')
  writeFileSync(file, text)
  return file
}

async function said(options: Partial<SimulateOptions>): Promise<string> {
  const lines: string[] = []
  const scenario = options.scenario ?? scenarioFile(SHORT)
  await runSimulate({ output: 'text', ...options, scenario }, (text) => lines.push(text), undefined)
  return lines.join('\n')
}

async function reported(options: Partial<SimulateOptions>): Promise<SiteReport[]> {
  return JSON.parse(await said({ ...options, output: 'json' }))
}

function refusal(text: string): string {
  try {
    readScenario({ file: 's.yaml', text, folder })
  } catch (error) {
    assert.equal(exitCodeOf(error), EXIT.config)
    assert.ok(error instanceof Error)
    return error.message
  }
  return assert.fail('not refused')
}

describe('a scenario', () => {
  it('has defaults for all but time, sessions and servers', () => {
    const scenario = readScenario({ file: 's.yaml', text: SHORT, folder })
    assert.deepEqual(
      scenario.servers.map(({ id, slots, weight }) => [id, slots, weight]),
      [
        ['a', 4, 1],
        ['b', 4, 1],
      ],
    )
    assert.deepEqual(runsOf(scenario), [{ policy: 'latency', scaling: 'none' }])
    assert.deepEqual(scenario.sessions.perMinute, [600])
  })

  it('is refused with line and column', () => {
    const refused: readonly (readonly [text: string, said: RegExp])[] = [
      [`${SHORT}turbo: 1\n`, /^s\.yaml:4:1: turbo: unknown key$/],
      [SHORT.replace('slots', 'slot'), /^s\.yaml:3:26: servers\[0\]\.slot: unknown key$/],
      [SHORT.replace('30', '-1'), /^s\.yaml:1:1: forS: /],
      [
        SHORT.replace('600', 'many'),
        /^s\.yaml:2:13: sessions\.perMinute: must be a number, or a list/,
      ],
      [SHORT.replace('600', '-600'), /^s\.yaml:2:13: sessions\.perMinute: must be from 0/],
      [SHORT.replace('b]', 'a]'), /^s\.yaml:3:1: servers: a is there twice$/],
      [
        `${SHORT}events: [{ does: kill, server: z, atS: 1 }]\n`,
        /events\[0\]\.server: no such server/,
      ],
      [
        `${SHORT}events: [{ does: melt, server: a, atS: 1 }]\n`,
        /^s\.yaml:4:12: events\[0\]\.does: /,
      ],
      [`${SHORT}pool: { policies: [fit] }\n`, /pool\.policies\[0\]: /],
      [`${SHORT}phases: [{ name: x, fromS: 5, toS: 5 }]\n`, /toS: must be after fromS/],
      ['forS: 30\n', /sessions: [\s\S]*servers: /],
      ['forS: [', /^s\.yaml:1:/],
      ['seed: 1\nforS: *x\n', /^s\.yaml:2:7: alias \*x: no anchor &x stands before it$/],
      [BOMB, /^s\.yaml:2:8: its aliases unfold to too much$/],
    ]
    for (const [text, wanted] of refused) assert.match(refusal(text), wanted)
  })
})

describe('limen simulate', () => {
  it('compares policies, under another seed', async () => {
    const [one, two, ...more] = await reported({ policy: 'p2c,latency', seed: '9' })
    assert.deepEqual(
      [one?.policy, two?.policy, one?.seed, one?.sessions, more.length],
      ['p2c', 'latency', 9, two?.sessions, 0],
    )
    const text = await said({ policy: 'p2c,latency' })
    assert.match(text, /^POLICY {3}SCALING {2}SESSIONS/)
    assert.match(text, /^p2c {6}none/m)
    assert.match(text, /^latency {2}none/m)
  })

  it('refuses policies and seeds that are none', async () => {
    for (const options of [{ policy: 'p2c,fit' }, { seed: 'x' }, { seed: '-1' }]) {
      await assert.rejects(said(options), (error) => exitCodeOf(error) === EXIT.usage)
    }
    await assert.rejects(said({ scenario: join(folder, 'none.yaml') }), /no such file/)
  })

  it('tells a terminal how far it is, and cleans up behind itself', async () => {
    const told: string[] = []
    const scenario = scenarioFile(SHORT.replace('30', '60'))
    await runSimulate(
      { scenario, output: 'text' },
      () => {},
      (text) => told.push(text),
    )
    assert.match(told.join(''), /latency, scaling none: 1 of 1 minutes/)
    assert.equal(told.at(-1), '\r\u001b[K')
  })
})
