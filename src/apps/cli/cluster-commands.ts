/**
 * The commands about the edges of a key server: `cluster issue` works on the key server's files, whether it runs or not;
 * `cluster list` asks it.
 *
 * @module
 */
import type { Command } from 'commander'
import { LimenError } from '../../ground/limen-error.ts'
import type { EdgeView } from '../server/key-server/key-views.ts'
import { usualConfig } from './admin-client.ts'
import { type ReadOptions, reads, show } from './asking.ts'
import { plain, textTable } from './text-table.ts'

interface DrainOptions extends ReadOptions {
  readonly in?: string
}
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
  const change = async (edge: string, options: DrainOptions, body: unknown): Promise<void> => {
    const path = `/v1/edges/${encodeURIComponent(edge)}`
    const after = await options.client().send<EdgeView>('PATCH', path, body)
    show(after, options.output, (one) => edgeTable([one]), out)
  }
  reads(cluster.command('drain <edge>').description('announce that its sessions go to other edges'))
    .option('--in <seconds>', 'how long until they do', '0')
    .action((edge: string, options: DrainOptions) =>
      change(edge, options, { draining: true, inS: secondsOf(options.in ?? '0') }),
    )
  reads(cluster.command('undrain <edge>').description('its sessions stay')).action(
    (edge: string, options: DrainOptions) => change(edge, options, { draining: false }),
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

function secondsOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const message = `--in is a number of seconds, not ${plain(text)}`
  throw new LimenError('usage', message, { side: 'operator', retry: false })
}

function edgeTable(edges: readonly EdgeView[]): string {
  const head = ['EDGE', 'STATE', 'SINCE', 'HEARD', 'GROUPS', 'PLACED', 'KEYS', 'FEED', 'NOTE']
  const time = (ms: number): string => new Date(ms).toISOString()
  const rows = edges.map((edge) => [
    plain(edge.id),
    edge.state,
    time(edge.connectedAt),
    time(edge.heardAt),
    edge.serves.length === 0 ? 'all' : edge.serves.join(','),
    edge.placed.join(','),
    `${edge.held}/${edge.keys}`,
    String(edge.feed),
    noteOf(edge),
  ])
  return textTable(head, rows, 'No edge is connected.')
}

function noteOf({ excluded, drainsAt }: EdgeView): string {
  const notes = [
    ...(drainsAt === 0 ? [] : [`drains at ${new Date(drainsAt).toISOString()}`]),
    ...(excluded.length === 0 ? [] : [`not waited for: ${excluded.join(',')}`]),
  ]
  return notes.join('; ')
}
