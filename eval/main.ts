/**
 * Accuracy on data that is not ours: `npm run --silent eval -- NAME --data DIR [--pairs N] [-o json]`.
 * The last line printed is one JSON object; exit code 1 when there is none.
 *
 * @module
 */
import { parseArgs } from 'node:util'

interface EvaluationOptions {
  /** Of people, for those that compare two at a time. */
  readonly pairs?: number
}

type Evaluation = (dataDir: string, options: EvaluationOptions) => Promise<object>

/** Loaded when asked for, so that one evaluation never pays for another. */
const EVALUATIONS: Readonly<Record<string, () => Promise<Evaluation>>> = {
  hello: async () => (await import('./hello.ts')).evalHello,
  handshake: async () => (await import('./handshake.ts')).evalHandshake,
  nab: async () => (await import('./nab.ts')).evalNab,
  m4: async () => (await import('./m4.ts')).evalM4,
  load: async () => (await import('./load.ts')).evalLoad,
  keystroke: async () => (await import('./keystroke.ts')).evalKeystroke,
  thresholds: async () => (await import('./thresholds.ts')).evalThresholds,
  people: async () => (await import('./people.ts')).evalPeople,
  impostor: async () => (await import('./impostor.ts')).evalImpostor,
  mouse: async () => (await import('./mouse.ts')).evalMouse,
  streams: async () => (await import('./streams.ts')).evalStreams,
}

const USAGE = `usage: npm run --silent eval -- NAME --data DIR [--pairs N] [-o json]
names: ${Object.keys(EVALUATIONS).join(', ')}`

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...{ data: { type: 'string' }, pairs: { type: 'string' } },
      output: { type: 'string', short: 'o' },
    },
  })
  const load = EVALUATIONS[positionals[0] ?? '']
  const pairs = Number(values.pairs ?? 1)
  if (load === undefined || values.data === undefined || !(Number.isInteger(pairs) && pairs > 0)) {
    console.error(USAGE)
    return 1
  }
  const evaluate = await load()
  const result = await evaluate(values.data, { pairs })
  if (values.output !== 'json') console.log(JSON.stringify(result, null, 2))
  console.log(JSON.stringify(result))
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
