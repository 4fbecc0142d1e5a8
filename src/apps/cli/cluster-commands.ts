/**
 * The command about the edges of a key server: `cluster issue`. Works on the key server's files, whether it runs or not.
 *
 * @module
 */
import type { Command } from 'commander'
import { usualConfig } from './admin-client.ts'
import { plain } from './text-table.ts'

interface IssueOptions {
  readonly config?: string
  readonly to?: string
}

export function addClusterCommands(program: Command, out: (text: string) => void): void {
  const cluster = program.command('cluster').description('the edges of a key server')
  cluster
    .command('issue <edge>')
    .description('make the folder by which an edge is let in; run where the key server runs')
    .option('-c, --config <file>', 'limen.yaml of the key server')
    .option('--to <folder>', 'where to; it must not exist, or be of the same edge')
    .action(async (edge: string, { config, to = edge }: IssueOptions) => {
      const { issueEdge } = await import('../server/cluster/issue-edge.ts')
      const file = config ?? usualConfig(process.env) ?? 'limen.yaml'
      await issueEdge({ file, edge, folder: to, environment: process.env })
      out(`Take ${plain(to)} to the edge, name it in sessions.server.credentials, and keep no copy`)
    })
}
