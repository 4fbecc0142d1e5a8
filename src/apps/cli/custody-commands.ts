/**
 * The commands about custody of keys: `custody audit verify`, of files; `custody api`, which serves; those that look after a cluster are
 * `custody-cluster-commands.ts`.
 *
 * @module
 */
import { type Command, Option } from 'commander'
import type { CustodyApiCommandOptions } from './custody-api-command.ts'
import type { CustodyAuditOptions } from './custody-audit-command.ts'
import { addCustodyClusterCommands } from './custody-cluster-commands.ts'
import type { CustodyIssueOptions } from './custody-issue-command.ts'
import type { SealKeyOptions } from './custody-seal-command.ts'

const list = (value: string, before: readonly string[]): readonly string[] => [...before, value]

/** Adds them to `program`; `out` takes one line or several, `ended` the exit code, `progress` how far long work has come. */
export function addCustodyCommands(
  program: Command,
  out: (text: string) => void,
  ended: (code: number) => void,
  progress: (text: string) => void,
): void {
  const custody = program.command('custody').description('keys in shares')
  addCustodyClusterCommands(custody, { out, progress, ended })
  custody
    .command('api')
    .description("serve keys in custody to clients of Vault's transit engine")
    .requiredOption('-c, --config <file>', 'configuration of this coordinator')
    .action(async (options: CustodyApiCommandOptions) => {
      const { runCustodyApi } = await import('./custody-api-command.ts')
      ended(await runCustodyApi(options, out))
    })
  custody
    .command('issue <party> <to>')
    .description('a certificate of the cluster for ROLE/ID: a node, a caller; TO.pem and TO.key')
    .option('-c, --config <file>', 'the cluster', 'custody.yaml')
    .option('--authority-key <file>', 'else authority.key beside the configuration')
    .action(async (party: string, to: string, options: CustodyIssueOptions) => {
      const { issueCertificate } = await import('./custody-issue-command.ts')
      await issueCertificate(party, to, options, out)
    })
  custody
    .command('seal-key <file>')
    .description('make the wrapping key of a node in shares of operators')
    .requiredOption('--shares-to <file>', 'where the shares are written, one line each')
    .option('--shares <n>', 'how many operators there are', '5')
    .option('--threshold <t>', 'how many of them open it', '3')
    .action(async (file: string, options: SealKeyOptions) => {
      const { sealKey } = await import('./custody-seal-command.ts')
      sealKey(file, options, out)
    })
  const audit = custody.command('audit').description('who asked a custody node for what')
  audit
    .command('verify <file>')
    .description('whether an audit log is what the node wrote; names the lines that are not')
    .option('--checkpoints <file>', 'kept elsewhere, besides those beside the log', list, [])
    .option('--key <hex>', 'public key of the node, else as the log says')
    .addOption(
      new Option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'),
    )
    .action(async (file: string, options: CustodyAuditOptions) => {
      const { runCustodyAudit } = await import('./custody-audit-command.ts')
      ended(await runCustodyAudit(file, options, Date.now(), out))
    })
}
