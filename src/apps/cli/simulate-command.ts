/**
 * `limen simulate`: a site as a scenario has it, with the policies of the product (`flows/simulate-site.ts`).
 *
 * @module
 */
import { type Command, Option } from 'commander'
import type { SiteReport } from '../../flows/site-report.ts'
import type { SiteScenario } from '../../flows/site-scenario.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { BALANCE_POLICIES, type BalancePolicy } from '../../routing/balancer.ts'
import { configFile } from '../server/load-config.ts'
import { show } from './asking.ts'

export interface SimulateOptions {
  readonly scenario: string
  /** Names with commas between, instead of those in the scenario. */
  readonly policy?: string
  readonly seed?: string
  readonly output: 'text' | 'json'
}

/** Where a terminal is told how far it is; `undefined` when there is none. */
export type Progress = ((text: string) => void) | undefined

export function addSimulateCommand(program: Command, out: (text: string) => void): void {
  program
    .command('simulate')
    .description('what a site would go through: sessions, servers and policies of a scenario')
    .requiredOption('--scenario <file>', 'YAML; examples/simulate has some')
    .option('--policy <names>', 'policies to compare, with commas between')
    .option('--seed <number>', 'instead of that of the scenario')
    .addOption(
      new Option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'),
    )
    .action(async (options: SimulateOptions) => {
      const { stderr } = process
      const progress = stderr.isTTY ? (text: string) => void stderr.write(text) : undefined
      await runSimulate(options, out, progress)
    })
}

export async function runSimulate(
  options: SimulateOptions,
  out: (text: string) => void,
  progress: Progress,
): Promise<void> {
  // Loaded when called: other commands need neither.
  const { readScenario } = await import('./simulate-scenario.ts')
  const { simulationText } = await import('./simulate-text.ts')
  const scenario = await overridden(readScenario(configFile(options.scenario).read()), options)
  show(await simulateAll(scenario, progress), options.output, simulationText, out)
}

async function simulateAll(scenario: SiteScenario, progress: Progress): Promise<SiteReport[]> {
  const { simulateSite } = await import('../../flows/simulate-site.ts')
  const { runsOf } = await import('../../flows/site-scenario.ts')
  const reports = runsOf(scenario).map((run) =>
    simulateSite(scenario, run, (atS) => {
      const minutes = `${Math.floor(atS / 60)} of ${Math.floor(scenario.forS / 60)} minutes`
      progress?.(`\r\u001b[K${run.policy}, scaling ${run.scaling}: ${minutes}`)
    }),
  )
  progress?.('\r\u001b[K')
  return reports
}

async function overridden(
  scenario: SiteScenario,
  { policy, seed }: SimulateOptions,
): Promise<SiteScenario> {
  const { pool } = scenario
  const isPolicy = (name: string): name is BalancePolicy =>
    (BALANCE_POLICIES as readonly string[]).includes(name)
  const policies = policy?.split(',').map((name) => {
    if (isPolicy(name)) return name
    throw usage(`--policy takes ${BALANCE_POLICIES.join(', ')}, not ${name}`)
  })
  if (seed !== undefined && !/^\d{1,8}$/.test(seed)) {
    throw usage(`--seed takes a whole number of at most 8 digits, not ${seed}`)
  }
  return {
    ...scenario,
    pool: { ...pool, policies: policies ?? pool.policies },
    seed: seed === undefined ? scenario.seed : Number(seed),
  }
}

function usage(text: string): LimenError {
  return new LimenError('usage', text, { side: 'operator', retry: false })
}
