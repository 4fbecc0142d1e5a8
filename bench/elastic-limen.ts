/**
 * `limen up` whose forecasts have shorter steps than a minute: `node elastic-limen.ts limen.yaml STEP_S`. All else is as the command has it.
 *
 * @module
 */
import { openFleet } from '../src/apps/server/fleet.ts'
import { configFile } from '../src/apps/server/load-config.ts'
import { up } from '../src/apps/server/up.ts'

const [file = 'limen.yaml', stepS = '60'] = process.argv.slice(2)
const running = await up({
  source: configFile(file),
  environment: {},
  openDataPlane: openFleet,
  forecastStepS: Number(stepS),
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    void running.stop().then(() => process.exit(0))
  })
}
