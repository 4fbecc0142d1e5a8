/**
 * `limen up` whose forecasts have steps of a second in place of a minute, for a test that cannot wait for hours:
 * `node quick-limen.ts up -c limen.yaml`. All else is as the command has it.
 *
 * @module
 */
import { openFleet } from '../../src/apps/server/fleet.ts'
import { configFile } from '../../src/apps/server/load-config.ts'
import { up } from '../../src/apps/server/up.ts'

const [, , , , file = 'limen.yaml'] = process.argv
const running = await up({
  source: configFile(file),
  environment: { LIMEN_CUSTODY__MODE: 'off' },
  openDataPlane: openFleet,
  forecastStepS: 1,
})
process.once('SIGTERM', () => {
  void running.stop().then(() => process.exit(0))
})
