/**
 * The scenarios that `limen simulate` comes with, and what their README says of them.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runSimulate, type SimulateOptions } from '../../src/apps/cli/simulate-command.ts'
import type { SiteReport } from '../../src/flows/site-report.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/simulate')

async function said(file: string, output: SimulateOptions['output']): Promise<string> {
  const lines: string[] = []
  const scenario = join(EXAMPLES, file)
  await runSimulate({ scenario, output }, (text) => lines.push(text), undefined)
  return lines.join('\n')
}

describe('examples/simulate', () => {
  it('slow-server.yaml: what README.md shows is what comes out', async () => {
    const text = await said('slow-server.yaml', 'text')
    const shown = /```\n(SHARES %[\s\S]*?)```/.exec(
      readFileSync(join(EXAMPLES, 'README.md'), 'utf8'),
    )
    for (const row of (shown?.[1] ?? assert.fail('nothing shown')).trim().split('\n')) {
      assert.ok(text.includes(row), row)
    }
    assert.match(text, /^slow +latency +none +(?:2\d\.\d\d +){4}0\.\d\d$/m)
  })

  it('flash-crowd.yaml: predicted, its p99 is at least three times better than by reacting', async () => {
    const reports: SiteReport[] = JSON.parse(await said('flash-crowd.yaml', 'json'))
    const p99 = (scaling: string): number => {
      const report = reports.find((one) => one.scaling === scaling)
      return report?.phases.find(({ name }) => name === 'offer')?.p99Ms ?? Number.NaN
    }
    assert.ok(p99('predictive') * 3 <= p99('reactive'), `${p99('predictive')}, ${p99('reactive')}`)
    assert.ok(reports.every(({ failed }) => failed === 0))
  })

  it('has no other', () => {
    assert.deepEqual(readdirSync(EXAMPLES).sort(), [
      'README.md',
      'flash-crowd.yaml',
      'slow-server.yaml',
    ])
  })
})
