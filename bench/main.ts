/**
 * Speed beside the peers, in the same run: `npm run --silent bench -- NAME [-o json]`.
 * The last line printed is one JSON object; exit code 1 when there is none.
 *
 * @module
 */
import { parseArgs } from 'node:util'

/** Prints a table as it goes and returns the figures. */
type Bench = (say: (line: string) => void) => Promise<object>

/** Loaded when asked for. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  admission: async () => (await import('./admission.ts')).benchAdmission,
  forecast: async () => (await import('./forecast.ts')).benchForecast,
  session: async () => (await import('./session.ts')).benchSession,
  edge: async () => (await import('./edge.ts')).benchEdge,
  balance: async () => (await import('./balance.ts')).benchBalance,
  biometrics: async () => (await import('./biometrics.ts')).benchBiometrics,
  custody: async () => (await import('./custody.ts')).benchCustody,
  flood: async () => (await import('./flood.ts')).benchFlood,
  srtp: async () => (await import('./srtp.ts')).benchSrtp,
}

const USAGE = `usage: npm run --silent bench -- NAME [-o json]
names: ${Object.keys(BENCHES).join(', ')}`

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { output: { type: 'string', short: 'o' } },
  })
  const load = BENCHES[positionals[0] ?? '']
  if (load === undefined) {
    console.error(USAGE)
    return 1
  }
  const isJson = values.output === 'json'
  // The table is for people: with -o json it goes to where errors go, and the object stands alone.
  const say = isJson ? (line: string) => console.error(line) : (line: string) => console.log(line)
  console.log(JSON.stringify(await (await load())(say)))
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
