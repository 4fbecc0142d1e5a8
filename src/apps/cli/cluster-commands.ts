/**
 * The commands about the edges of a key server: `cluster issue` works on the key server's files, whether it runs or not;
 * `cluster list` asks it.
 *
 * @module
 */
import type { Command } from 'commander'
import type { EdgeView } from '../server/key-server/key-views.ts'
import { usualConfig } from './admin-client.ts'
import { type ReadOptions, reads, show } from './asking.ts'
import { plain, textTable } from './text-table.ts'

interface IssueOptions {
  readonly config?: string
  readonly to?: string
}

export function addClusterCommands(program: Command, out: (text: string) => void): void {
  const cluster = program.command('cluster').description('the edges of a key server')
  reads(cluster.command('list').description('edges of a running key server')).action(
    async (options: ReadOptions) => {
      const found = await options.client().get<readonly EdgeView[]>('/v1/edges')
      show(found, options.output, edgeTable, out)
    },
  )
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

function edgeTable(edges: readonly EdgeView[]): string {
  const head = ['EDGE', 'STATE', 'SINCE', 'HEARD', 'GROUPS', 'KEYS', 'FEED', 'NOTE']
  const time = (ms: number): string => new Date(ms).toISOString()
  const rows = edges.map((edge) => [
    plain(edge.id),
    edge.state,
    time(edge.connectedAt),
    time(edge.heardAt),
    edge.serves.length === 0 ? 'all' : edge.serves.join(','),
    `${edge.held}/${edge.keys}`,
    String(edge.feed),
    edge.excluded.length === 0 ? '' : `not waited for: ${edge.excluded.join(',')}`,
  ])
  return textTable(head, rows, 'No edge is connected.')
}
