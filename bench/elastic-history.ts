/**
 * Gives a Limen that was never started the memory of days before: its forecaster has seen them, and was judged by them, as if it had been
 * running. They are kept as it keeps them itself.
 *
 * @module
 */

import { openLog } from '../src/adapters/node/json-log.ts'
import { makePrivateFolder } from '../src/adapters/node/private-file.ts'
import { systemClock } from '../src/adapters/node/system-clock.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { openForecastStorage } from '../src/apps/server/forecast-storage.ts'
import { loadConfig } from '../src/apps/server/live-config.ts'
import { configFile } from '../src/apps/server/load-config.ts'
import { recordKeyInFile } from '../src/apps/server/record-key.ts'
import { keptOf, LOAD_FORECAST_DEFAULTS } from '../src/flows/forecast-load.ts'
import { SESSION_DEMAND_DEFAULTS } from '../src/flows/session-demand.ts'
import {
  addToForecaster,
  adoptFit,
  type ForecasterOptions,
  type ForecasterState,
  fitDue,
  fitJob,
  fitModels,
  openForecaster,
  passTime,
} from '../src/forecast/forecaster.ts'
import { seededFraction } from '../src/math/seeded-chance.ts'
import type { ForecastStore } from '../src/ports/forecast-store.ts'

/** Models are fitted in the last days only, and judged by what came then. */
const JUDGED_DAYS = 3
const SEED = 22

/** @param rates requests per second, step by step; the last ends now */
export async function rememberDays(
  file: string,
  pool: string,
  rates: readonly number[],
  stepS: number,
): Promise<void> {
  const options = { ...LOAD_FORECAST_DEFAULTS.forecaster, stepS }
  await inForecastStore(file, async (store) => {
    const forecaster = forecasterAfter(rates, options, nowS())
    await store.save(keptOf({ pool, forecaster, samples: new Map(), servers: [] }))
  })
}

/**
 * The same for first requests of sessions at another edge, as many of each group.
 *
 * @param rates of one group, per second, step by step; the last ends now
 */
export async function rememberSessions(
  file: string,
  edge: string,
  groups: readonly number[],
  rates: readonly number[],
  stepS: number,
): Promise<void> {
  const options = { ...SESSION_DEMAND_DEFAULTS.forecaster, stepS }
  await inForecastStore(file, async (store) => {
    const heardS = nowS()
    const forecaster = forecasterAfter(rates, options, heardS)
    const of = { id: edge, run: 'days-before', sinceS: heardS - rates.length * stepS, heardS }
    const kept = { edge: of, last: undefined, parts: [], usedUntilS: 0, forecaster }
    await store.saveDemand(groups.map((group) => ({ ...kept, group })))
  })
}

const nowS = (): number => systemClock.now() / 1000

async function inForecastStore(
  file: string,
  use: (store: ForecastStore) => Promise<void>,
): Promise<void> {
  const random = systemRandom()
  const { config } = loadConfig({ source: configFile(file), environment: {} })
  makePrivateFolder(config.data)
  const log = openLog({
    level: 'warn',
    format: 'text',
    write: (line) => process.stderr.write(line),
  })
  const recordKey = recordKeyInFile(config.data, random)
  const store = await openForecastStorage(config, recordKey, random, log)
  try {
    await use(store)
  } finally {
    await store.close()
  }
}

/** Fitting takes seconds: the steps passed meanwhile stay unknown. */
function forecasterAfter(
  rates: readonly number[],
  options: ForecasterOptions,
  nowS: number,
): ForecasterState {
  const chance = seededFraction(SEED)
  const state = openForecaster(options)
  const { stepS } = options
  const judgedSteps = JUDGED_DAYS * (options.seasons[0] ?? 1)
  const beginS = Math.floor(nowS / stepS) * stepS - rates.length * stepS
  rates.forEach((rate, step) => {
    const atS = beginS + step * stepS
    addToForecaster(state, atS, drawCount(chance, rate * stepS))
    passTime(state, atS + stepS)
    if (step >= rates.length - judgedSteps && fitDue(state))
      adoptFit(state, fitModels(fitJob(state)))
  })
  return state
}

/** As arrivals by chance are counted: about normal, of variance its mean. */
function drawCount(chance: () => number, mean: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
  return Math.max(0, Math.round(mean + normal * Math.sqrt(mean)))
}
