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
import {
  addToForecaster,
  adoptFit,
  type ForecasterState,
  fitDue,
  fitJob,
  fitModels,
  openForecaster,
  passTime,
} from '../src/forecast/forecaster.ts'
import { seededFraction } from '../src/math/seeded-chance.ts'

/** Models are fitted in the last days only, and judged by what came then. */
const JUDGED_STEPS = 3 * 1440
const SEED = 22

/** @param rates requests per second, step by step; the last ends now */
export async function rememberDays(
  file: string,
  pool: string,
  rates: readonly number[],
  stepS: number,
): Promise<void> {
  const [clock, random] = [systemClock, systemRandom()]
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
    // Fitting takes seconds: the steps passed meanwhile stay unknown.
    const endS = Math.floor(clock.now() / 1000 / stepS) * stepS
    const forecaster = forecasterAfter(rates, stepS, endS)
    await store.save(keptOf({ pool, forecaster, samples: new Map(), servers: [] }))
  } finally {
    await store.close()
  }
}

function forecasterAfter(rates: readonly number[], stepS: number, endS: number): ForecasterState {
  const chance = seededFraction(SEED)
  const state = openForecaster({ ...LOAD_FORECAST_DEFAULTS.forecaster, stepS })
  const beginS = endS - rates.length * stepS
  rates.forEach((rate, step) => {
    const atS = beginS + step * stepS
    addToForecaster(state, atS, drawCount(chance, rate * stepS))
    passTime(state, atS + stepS)
    if (step >= rates.length - JUDGED_STEPS && fitDue(state))
      adoptFit(state, fitModels(fitJob(state)))
  })
  return state
}

/** As arrivals by chance are counted: about normal, of variance its mean. */
function drawCount(chance: () => number, mean: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
  return Math.max(0, Math.round(mean + normal * Math.sqrt(mean)))
}
