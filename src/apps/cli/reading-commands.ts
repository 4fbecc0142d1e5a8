/**
 * The commands that ask a running Limen and change it: `decisions`, `connections`, `upstreams`, `status`, `reload`.
 *
 * @module
 */
import type { Command } from 'commander'
import type { Decision } from '../../behavior/decision.ts'
import type { ConnectionView, UpstreamView } from '../../ports/data-plane.ts'
import type { StatusView } from '../server/admin/views.ts'
import {
  limited,
  type Output,
  type ReadOptions,
  reads,
  serverPath,
  show as showOn,
  wholeNumber,
} from './asking.ts'
import { plain, textTable } from './text-table.ts'

interface ListOptions extends ReadOptions {
  readonly limit: string
  readonly before?: string
}

const weightOf = wholeNumber('A weight', 0, 256)

type ReplayOptions = ReadOptions & { readonly policy: string; readonly since: string }

/** Adds them to `program`; `out` takes one line or several. */
export function addReadingCommands(program: Command, out: (text: string) => void): void {
  const show = <T>(value: T, output: Output, inText: (value: T) => string): void =>
    showOn(value, output, inText, out)

  const decisions = program.command('decisions').description('what was decided, and why')
  limited(reads(decisions.command('list').description('the newest first')), 20)
    .option('--before <id>', 'only older ones than this')
    .action(async (options: ListOptions) => {
      const query = new URLSearchParams({ limit: options.limit })
      if (options.before !== undefined) query.set('before', options.before)
      const found = await options.client().get<readonly Decision[]>(`/v1/decisions?${query}`)
      show(found, options.output, decisionTable)
    })
  reads(decisions.command('explain <id>').description('one decision in plain words')).action(
    async (id: string, options: ReadOptions) => {
      type Explained = Decision & { readonly explanation: readonly string[] }
      const path = `/v1/decisions/${encodeURIComponent(id)}`
      const found = await options.client().get<Explained>(path)
      show(found, options.output, ({ explanation }) => explanation.map(plain).join('\n'))
    },
  )

  reads(
    decisions
      .command('replay')
      .description('who would be treated otherwise by another policy, and why'),
  )
    .requiredOption('--policy <file>', 'a limen.yaml, or only its admission part')
    .option('--since <time>', 'how far back: 90m, 24h, 7d', '24h')
    .action(async (options: ReplayOptions) => {
      const { runReplay } = await import('./replay-command.ts')
      await runReplay(options, out)
    })

  limited(reads(program.command('connections').description('who is connected now')), 50).action(
    async (options: ListOptions) => {
      const path = `/v1/connections?limit=${encodeURIComponent(options.limit)}`
      const found = await options.client().get<readonly ConnectionView[]>(path)
      show(found, options.output, connectionTable)
    },
  )

  const upstreams = program.command('upstreams').description('the servers behind Limen')
  reads(upstreams.command('list').description('all servers of all pools')).action(
    async (options: ReadOptions) =>
      show(
        await options.client().get<readonly UpstreamView[]>('/v1/upstreams'),
        options.output,
        upstreamTable,
      ),
  )
  const change = async (server: string, body: object, options: ReadOptions): Promise<void> => {
    const path = `/v1/upstreams/${serverPath(server)}`
    const after = await options.client().send<UpstreamView>('PATCH', path, body)
    show(after, options.output, (view) => upstreamTable([view]))
  }
  reads(upstreams.command('drain <pool/id>').description('no new requests to it')).action(
    (server: string, options: ReadOptions) => change(server, { draining: true }, options),
  )
  reads(upstreams.command('undrain <pool/id>').description('back into service')).action(
    (server: string, options: ReadOptions) => change(server, { draining: false }, options),
  )
  reads(upstreams.command('weight <pool/id> <weight>').description('0 to 256')).action(
    (server: string, weight: string, options: ReadOptions) =>
      change(server, { weight: Number(weightOf(weight)) }, options),
  )

  reads(program.command('status').description('version, state, certificates')).action(
    async (options: ReadOptions) =>
      show(await options.client().get<StatusView>('/v1/status'), options.output, statusText),
  )
  reads(program.command('reload').description('read limen.yaml and certificates again')).action(
    async (options: ReadOptions) =>
      show(
        await options.client().send<{ waiting: readonly string[] }>('POST', '/v1/reload'),
        options.output,
        ({ waiting }) =>
          waiting.length === 0 ? 'Reloaded' : `Reloaded; after a restart: ${waiting.join(', ')}`,
      ),
  )
}

function decisionTable(decisions: readonly Decision[]): string {
  return textTable(
    ['ID', 'TIME', 'FROM', 'TIER', 'SCORE', 'POOL', 'CLIENT', 'JA4', 'REASONS'],
    decisions.map(({ id, at, subject, tier, score, pool, handshake, reasons }) => [
      id,
      timeOf(at),
      subject,
      tier,
      score.toFixed(1),
      pool,
      handshake?.client || '-',
      handshake?.ja4 ?? '-',
      reasons.map(({ code }) => code).join(' ') || '-',
    ]),
    'No decisions yet.',
  )
}

function connectionTable(connections: readonly ConnectionView[]): string {
  return textTable(
    [
      'FROM',
      'SINCE',
      'LISTENER',
      'PROTOCOL',
      'REQUESTS',
      'IN',
      'OUT',
      'TIER',
      'CLIENT',
      'DECISION',
    ],
    connections.map((one) => [
      one.remote,
      timeOf(one.openedAt),
      one.listener,
      one.protocol,
      one.requests,
      one.bytesIn,
      one.bytesOut,
      one.tier,
      one.handshake?.client || '-',
      one.decisionId,
    ]),
    'Nobody is connected.',
  )
}

function upstreamTable(upstreams: readonly UpstreamView[]): string {
  return textTable(
    [
      'SERVER',
      'ADDRESS',
      'STATE',
      'WEIGHT',
      'IN FLIGHT',
      'REQUESTS',
      'FAILURES',
      'LATENCY',
      'CPU',
      'MEMORY',
      'CHECK',
    ],
    upstreams.map((one) => [
      `${one.pool}/${one.id}`,
      one.address,
      one.state,
      one.weight,
      one.inFlight,
      one.requests,
      one.failures,
      `${one.latencyMs.toFixed(1)} ms`,
      shareText(one.load?.cpu ?? one.machine?.cpu),
      shareText(one.load?.memory ?? one.machine?.memory),
      one.check || '-',
    ]),
    'No servers.',
  )
}

/** What a server says, or its machine. */
function shareText(share: number | undefined): string {
  return share === undefined ? '-' : `${Math.round(100 * share)} %`
}

function statusText(status: StatusView): string {
  return [
    `Limen ${status.version}, ${status.state} since ${new Date(status.startedAt).toISOString()}`,
    `config     ${status.config}, last reload ${status.lastReload.kind}`,
    `admission  ${status.mode}`,
    `decisions  kept in ${status.decisionsKeptIn}, ${status.decisionsDropped} dropped`,
    `profiles   kept in ${status.profilesKeptIn}`,
    ...status.listeners.map(({ name, url }) => `listener   ${name} ${url}`),
    ...status.certificates.map(
      ({ names, notAfter }) =>
        `cert       ${names.join(', ')} until ${new Date(notAfter).toISOString().slice(0, 10)}`,
    ),
  ].join('\n')
}

function timeOf(at: number): string {
  return new Date(at).toISOString().slice(11, 19)
}
