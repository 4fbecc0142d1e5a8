/**
 * The commands that look after a cluster of custody nodes, described by a `custody.yaml`: what they do is in `custody-cluster-work.ts` and
 * `custody-backup-work.ts`.
 *
 * @module
 */
import type { Command } from 'commander'
import type { ClusterOptions, Told } from './custody-cluster-work.ts'

const list = (value: string, before: readonly string[]): readonly string[] => [...before, value]
type Work = typeof import('./custody-cluster-work.ts')
type BackupWork = typeof import('./custody-backup-work.ts')

/** Adds them to `custody`; `told` is where they print. */
export function addCustodyClusterCommands(custody: Command, told: Told): void {
  const on = (command: Command): Command =>
    command
      .option('-c, --config <file>', 'the cluster', 'custody.yaml')
      .option('-o, --output <form>', 'text or json', 'text')
  /** Loaded when called. */
  const run =
    <Args extends readonly unknown[]>(name: keyof Work) =>
    async (...args: Args): Promise<void> => {
      const work = await import('./custody-cluster-work.ts')
      // Commander puts the command itself behind the options.
      const given = args.slice(0, -1)
      await (work[name] as (...all: readonly unknown[]) => Promise<void>)(told, ...given)
    }
  const runOfBackups =
    <Args extends readonly unknown[]>(name: keyof BackupWork) =>
    async (...args: Args): Promise<void> => {
      const work = await import('./custody-backup-work.ts')
      const given = args.slice(0, -1)
      await (work[name] as (...all: readonly unknown[]) => Promise<void>)(told, ...given)
    }
  custody
    .command('init <folder>')
    .description(
      'make a cluster: its authority and identity, a folder per node, shares of operators',
    )
    .requiredOption('--cluster <name>', 'its name')
    .requiredOption('--node <id=host:port[@domain]>', 'a node, once for each', list, [])
    .option('--threshold <t>', 'nodes that are needed to use a key', '3')
    .option('--operators <n>', 'persons who hold a share of the recovery key', '5')
    .option('--operators-needed <t>', 'how many of them can recover the cluster', '3')
    .option('--from <backup>', 'of the same identity as the cluster of this backup')
    .option('--shares <file>', "with --from: operators' shares, one a line")
    .action(run('initCluster'))
  on(custody.command('status').description('nodes, and whether every key can be used')).action(
    run<[ClusterOptions, Command]>('showStatus'),
  )
  const keys = custody.command('keys').description('keys of the cluster')
  on(keys.command('list').description('keys, their holders and generations')).action(
    run('listKeys'),
  )
  const held = (command: Command): Command =>
    on(command)
      .option('--threshold <t>', 'nodes that are needed to use it, else as configured')
      .option('--nodes <ids>', 'its holders, separated by commas, else all nodes')
  held(
    keys.command('make <key>').description('a new key: sign/NAME, open/NAME or derive/NAME'),
  ).action(run('makeKey'))
  held(
    keys
      .command('bring <key> <file>')
      .description('a secret from a file: encrypt/NAME, mac/NAME or sign-assembled/NAME'),
  ).action(run('bringKey'))
  on(keys.command('delete <key>').description('what deleting a key would take away'))
    .option('--apply', 'take it away, at all nodes and for good')
    .option(
      '--in <s>',
      'with --apply: after so many seconds, in which the command can be ended',
      '10',
    )
    .action(run('deleteKey'))
  on(custody.command('drill [key]').description('let every holder prove its share'))
    .option('--repair', 'give new shares to those whose share is bad')
    .action(run('drillKeys'))
  on(custody.command('refresh [key]').description('new shares at the same holders')).action(
    run('refreshKeys'),
  )
  held(custody.command('reshare <key>').description('other holders, or another threshold')).action(
    run('reshareKey'),
  )
  on(
    custody
      .command('replace <node> <by>')
      .description('give all shares of a node to another; it need not be there'),
  ).action(run('replaceNode'))
  on(custody.command('plan').description('where shares should be, and by which moves'))
    .option('--demand <file>', 'operations a second of each key, as the desk keeps them')
    .option('--apply', 'make the moves')
    .action(run('planShares'))
  on(custody.command('backup <file>').description('all keys, for operators alone to restore'))
    .option(
      '--without <node>',
      'that need not answer, once for each: its keys may be missing',
      list,
      [],
    )
    .action(runOfBackups('backUpCluster'))
  held(
    custody
      .command('restore <backup> [keys...]')
      .description('bring keys of a backup to the nodes; those that were deleted by their names'),
  )
    .requiredOption('--shares <file>', "operators' shares, one a line")
    .option('--check', 'only try whether it could be')
    .action(runOfBackups('restoreCluster'))
  custody
    .command('unseal <door>')
    .description("give operators' shares, read from standard input, to a sealed node at its socket")
    .action(async (door: string) => {
      const { unsealNode } = await import('./custody-unseal-command.ts')
      told.ended(await unsealNode(door, process.stdin, told.out))
    })
}
