/**
 * The commands about session keys of a running Limen: `keys` and `sessions`.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { LimenError } from '../../ground/limen-error.ts'
import type { UpstreamView } from '../../ports/data-plane.ts'
import type { EpochView, KeysView, PlacementsView } from '../server/key-server/key-views.ts'
import type { SessionView } from '../server/key-server/session-table.ts'
import type { AdminClient } from './admin-client.ts'
import { limited, type ReadOptions, reads, serverPath, show } from './asking.ts'
import { EXIT } from './exit-code.ts'
import { plain, textTable } from './text-table.ts'

/** Servers are counted twice a second: what was under way when it began is in the next answer. */
const ASK_EVERY_MS = 1000

interface ListOptions extends ReadOptions {
  readonly limit: string
}
interface RotateOptions extends ReadOptions {
  readonly group?: string
  readonly identity?: true
  readonly why: string
}
interface DrainOptions extends ReadOptions {
  readonly wait?: string
}
interface RevokeOptions extends ReadOptions {
  readonly subject?: true
}

/** Adds them to `program`; `out` takes one line or several. */
export function addSessionCommands(
  program: Command,
  out: (text: string) => void,
  ended: (code: number) => void,
): void {
  const keys = program
    .command('keys')
    .description('run a key server alone; of a running one, the keys that session keys stand on')
    .enablePositionalOptions()
    .option('-c, --config <file>', 'configuration, else LIMEN_CONFIG, else limen.yaml')
    .addOption(new Option('--log-format <form>', 'over log.format').choices(['json', 'text']))
    .action(async (options: { config?: string; logFormat?: 'json' | 'text' }) => {
      const { runKeys } = await import('./up-command.ts')
      ended(await runKeys(options, out))
    })
  reads(keys.command('list').description('all in force, and which workers hold them')).action(
    async (options: ReadOptions) =>
      show(await options.client().get<KeysView>('/v1/keys'), options.output, keysText, out),
  )
  reads(
    keys.command('placements').description('keys placed at edges ahead of sessions, and why'),
  ).action(async (options: ReadOptions) => {
    const found = await options.client().get<PlacementsView>('/v1/keys/placements')
    show(found, options.output, placementsText, out)
  })
  reads(keys.command('rotate').description('new keys for tickets; no session ends'))
    .option('--group <n>', 'only of this group')
    .option('--identity', 'the keys that clients seal to instead')
    .option('--why <text>', 'for the audit log', '')
    .action(async (options: RotateOptions) => {
      const { group, identity, why } = options
      const what = identity === true ? 'identity' : 'tickets'
      const body = { what, why, ...(group === undefined ? {} : { group: groupOf(group) }) }
      const after = await options.client().send<KeysView>('POST', '/v1/keys/rotate', body)
      show(after, options.output, keysText, out)
    })
  reads(keys.command('revoke <group>').description('end all sessions of a group at once'))
    .option('--why <text>', 'for the audit log', '')
    .action(async (group: string, options: RotateOptions) => {
      const body = { group: groupOf(group), why: options.why }
      const after = await options.client().send<KeysView>('POST', '/v1/keys/revoke', body)
      show(after, options.output, keysText, out)
    })

  const sessions = program.command('sessions').description('who holds a session key')
  limited(reads(sessions.command('list').description('the last to rotate first')), 20).action(
    async (options: ListOptions) => {
      const path = `/v1/sessions?limit=${encodeURIComponent(options.limit)}`
      const found = await options.client().get<readonly SessionView[]>(path)
      show(found, options.output, sessionTable, out)
    },
  )
  reads(sessions.command('show <id>').description('one session')).action(
    async (id: string, options: ReadOptions) => {
      const path = `/v1/sessions/${encodeURIComponent(id)}`
      const found = await options.client().get<SessionView>(path)
      show(found, options.output, sessionText, out)
    },
  )
  reads(sessions.command('revoke <id>').description('end a session'))
    .option('--subject', 'all sessions of somebody: <id> is the subject')
    .action(async (id: string, options: RevokeOptions) => {
      const name = encodeURIComponent(id)
      const path =
        options.subject === true ? `/v1/subjects/${name}/sessions` : `/v1/sessions/${name}`
      await options.client().send('DELETE', path)
      show({ revoked: id }, options.output, ({ revoked }) => `Revoked ${plain(revoked)}`, out)
    })
  reads(
    sessions
      .command('drain <pool/id>')
      .description(
        'move all sessions of a server to the others; upstreams undrain lets it back in',
      ),
  )
    .option('--wait <s>', 'until nothing runs there any more, for so many seconds at most')
    .action(async (server: string, options: DrainOptions) => {
      const seconds = options.wait === undefined ? 0 : secondsOf(options.wait)
      const after = await drain(options.client(), server, seconds)
      show(after, options.output, drainText, out)
      if (options.wait !== undefined && after.inFlight > 0) ended(EXIT.failed)
    })
}

/** No request goes to it any more; the next request of each of its sessions goes to another. */
async function drain(client: AdminClient, server: string, seconds: number): Promise<UpstreamView> {
  const path = `/v1/upstreams/${serverPath(server)}`
  const until = performance.now() + seconds * 1000
  let now = await client.send<UpstreamView>('PATCH', path, { draining: true })
  if (seconds === 0) return now
  do {
    await delay(ASK_EVERY_MS)
    const all = await client.get<readonly UpstreamView[]>('/v1/upstreams')
    const found = all.find(({ pool, id }) => pool === now.pool && id === now.id)
    // Out of the configuration meanwhile: nothing goes there for sure.
    if (found === undefined) return { ...now, inFlight: 0 }
    now = found
  } while (now.inFlight > 0 && performance.now() < until)
  return now
}

function drainText({ pool, id, inFlight }: UpstreamView): string {
  const rest = inFlight === 0 ? 'nothing runs there' : `${inFlight} requests still run there`
  return `${plain(`${pool}/${id}`)} drains: its sessions go on elsewhere, ${rest}`
}

function secondsOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  const message = `--wait takes seconds, not ${plain(text)}`
  throw new LimenError('usage', message, { side: 'operator', retry: false })
}

function groupOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text)
  const message = `A key group is a number, not ${plain(text)}`
  throw new LimenError('usage', message, { side: 'operator', retry: false })
}

function keysText({ identity, keys, groups }: KeysView): string {
  const kems = textTable(
    ['KEY', 'KEM', 'FROM', 'UNTIL'],
    keys.map(({ id, kem, notBefore, expires }) => [
      id,
      kem,
      momentOf(notBefore),
      momentOf(expires),
    ]),
    'No keys.',
  )
  const epochs = textTable(
    ['GROUP', 'HOSTS', 'EPOCH', 'STATE', 'MADE', 'ACTIVE', 'ACCEPTED UNTIL', 'HELD BY'],
    groups.flatMap(({ group, hosts, epochs: all }) =>
      all.map((one) => [
        group,
        hosts.join(' ') || '*',
        one.epoch,
        one.state,
        momentOf(one.madeAt),
        momentOf(one.activeAt),
        momentOf(one.acceptUntil),
        `${one.heldBy} of ${one.workers}`,
      ]),
    ),
    'No epochs.',
  )
  return `identity ${plain(identity)}\n\n${kems}\n\n${epochs}\n\n${holdersTable(groups)}`
}

function placementsText({ mode, placements, firstRequests }: PlacementsView): string {
  const placed = textTable(
    ['EDGE', 'GROUP', 'STATE', 'SINCE', 'NEEDED', 'WHY'],
    placements.map(({ edge, group, state, since, needed, why }) => [
      ...[plain(edge), group, state, momentOf(since), momentOf(needed)],
      plain(why),
    ]),
    'No keys are placed.',
  )
  const counted = textTable(
    ['EDGE', 'GROUP', 'FOUND', 'MISSED', 'LATE', 'SESSIONS', 'EXPECTED'],
    firstRequests.map(({ edge, group, found, missed, late, sessions, expected }) => [
      ...[plain(edge), group, found, missed, late, sessions],
      expected.toFixed(1),
    ]),
    'No sessions were seen.',
  )
  const note = mode === 'act' ? '' : 'Only shown: forecast.mode is observe.\n\n'
  return `${note}${placed}\n\n${counted}`
}

/** Who lives and has which keys: of each group those epochs that it holds. */
function holdersTable(groups: KeysView['groups']): string {
  const rows = groups.flatMap(({ group, epochs }) => {
    const [first] = epochs
    return (first?.holders ?? []).map(({ name, kind }) => {
      const isHolding = ({ holders }: EpochView): boolean =>
        holders.some((one) => one.name === name && one.holds)
      const held = epochs.filter(isHolding)
      const missing = epochs.filter((one) => !isHolding(one))
      return [
        `${kind} ${name}`,
        group,
        held.map(({ epoch, state }) => `${epoch} ${state}`).join(', ') || '-',
        missing.map(({ epoch, state }) => `${epoch} ${state}`).join(', ') || '-',
      ]
    })
  })
  return textTable(['HOLDER', 'GROUP', 'HOLDS', 'WAITS FOR'], rows, 'Nobody holds keys.')
}

function sessionTable(sessions: readonly SessionView[]): string {
  return textTable(
    ['ID', 'ORIGIN', 'GENERATION', 'OPENED', 'ROTATED', 'WHY', 'EXPIRES', 'TIER', 'SUITE', 'STATE'],
    sessions.map((one) => [
      one.id,
      one.origin,
      one.generation,
      momentOf(one.openedAt),
      momentOf(one.rotatedAt),
      one.reason,
      momentOf(one.expires),
      one.tier,
      one.suite,
      one.revoked ? 'revoked' : 'good',
    ]),
    'No sessions.',
  )
}

function sessionText(one: SessionView): string {
  const lines = [
    `Session ${one.id} of ${one.origin}${one.revoked ? ', revoked' : ''}`,
    `opened      ${momentOf(one.openedAt)}, key group ${one.group}, ${one.suite}`,
    `generation  ${one.generation}, since ${momentOf(one.rotatedAt)} (${one.reason})`,
    `expires     ${momentOf(one.expires)}`,
    `rotates     ${momentOf(one.rotateAfter)}: ${one.why.join('; ')}`,
    `tier        ${one.tier}`,
    ...(one.subject === undefined ? [] : [`subject     ${one.subject}`]),
  ]
  return lines.map(plain).join('\n')
}

function momentOf(at: number): string {
  return at === 0 ? '-' : new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}
