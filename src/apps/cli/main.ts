/**
 * The `limen` command. Reads words and options, calls what does the work; exit codes are in `exit-code.ts`.
 *
 * @module
 */
import { Command, CommanderError, Option } from 'commander'
import { VERSION } from '../server/version.ts'
import { usualConfig } from './admin-client.ts'
import { addCaptureCommands } from './capture-commands.ts'
import { addClusterCommands } from './cluster-commands.ts'
import { addCustodyCommands } from './custody-commands.ts'
import { idsLast } from './dashed-ids.ts'
import { addDeviceCommands } from './device-commands.ts'
import { EXIT, exitCodeOf, messageOf } from './exit-code.ts'
import { addForecastCommands } from './forecast-commands.ts'
import { addProfileCommands } from './profile-commands.ts'
import { addReadingCommands } from './reading-commands.ts'
import { addSessionCommands } from './session-commands.ts'
import { addSimulateCommand } from './simulate-command.ts'

const out = (text: string): void => void process.stdout.write(`${text}\n`)
const complain = (text: string): void => void process.stderr.write(`${text}\n`)
const output = (): Option =>
  new Option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text')

// Whoever reads us may stop reading (`| head`): not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed)
})
process.exitCode = await main(process.argv)

async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.done
  const program = new Command('limen')
    .description('An adaptive edge: a TLS load balancer that learns how clients behave.')
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    // What comes after a command is its own: `limen keys` and `limen keys list` both have -c.
    .enablePositionalOptions()
  const ended = (result: number): void => {
    code = result
  }
  addServerCommands(program, ended)
  addReadingCommands(program, out)
  addProfileCommands(program, out)
  addCaptureCommands(program, out)
  addSessionCommands(program, out, ended)
  addForecastCommands(program, out)
  addClusterCommands(program, out)
  addCustodyCommands(program, out, ended, complain)
  addDeviceCommands(program, out, complain, ended)
  addSimulateCommand(program, out)
  try {
    await program.parseAsync(idsLast(argv))
    return code
  } catch (error) {
    // Commander has already said what is wrong, or shown the help asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    complain(`limen: ${messageOf(error)}`)
    return exitCodeOf(error)
  }
}

/** Loaded when called: `limen hello` need not load a server. */
function addServerCommands(program: Command, ended: (code: number) => void): void {
  program
    .command('up')
    .description('run the edge, the admin API and the console')
    .option('-c, --config <file>', 'configuration, else LIMEN_CONFIG, else limen.yaml')
    .option('--demo', 'a built-in configuration in front of three small demo servers')
    .addOption(new Option('--log-format <form>', 'over log.format').choices(['json', 'text']))
    .action(async (options) => {
      const { runUp } = await import('./up-command.ts')
      ended(await runUp(options, out))
    })
  program
    .command('load-agent')
    .description('say how busy this machine is, to a Limen in front of its servers')
    .option('--listen <host:port>', 'where to be asked', '127.0.0.1:9450')
    .option('--token-file <file>', 'what who asks must show; needed beyond loopback')
    .action(async (options) => {
      const { runLoadAgent } = await import('./load-agent-command.ts')
      ended(await runLoadAgent(options, out))
    })
  program
    .command('custody-node')
    .description('hold shares of keys, and use them for those who may')
    .requiredOption('-c, --config <file>', 'configuration of this node')
    .action(async (options) => {
      const { runCustodyNode } = await import('./custody-node-command.ts')
      ended(await runCustodyNode(options, out, complain))
    })
  program
    .command('check')
    .description('say whether a configuration is good, with line and column')
    .option('-c, --config <file>', 'configuration, else LIMEN_CONFIG, else limen.yaml')
    .addOption(output())
    .action(async (options) => {
      const { runCheck } = await import('./check-command.ts')
      const config = options.config ?? usualConfig(process.env) ?? 'limen.yaml'
      ended(runCheck({ ...options, config }, process.env, out, complain))
    })
  program
    .command('schema')
    .description('print the JSON Schema of limen.yaml')
    .action(async () => {
      const { configJsonSchema } = await import('../server/config/json-schema.ts')
      out(JSON.stringify(configJsonSchema(), null, 2))
    })
  program
    .command('hello <target>')
    .description(
      'fingerprint the ClientHellos of a capture, a folder of .bin files, or a host:port',
    )
    .option('--score', 'put them through a fresh engine, as if they came one after the other')
    .addOption(output())
    .action(async (target: string, options) => {
      const { runHello } = await import('./hello.ts')
      ended(await runHello(target, options, out))
    })
}
