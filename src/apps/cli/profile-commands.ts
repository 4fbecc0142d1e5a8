/**
 * The commands about clients that are remembered, of a running Limen: `profiles` and `signatures`.
 *
 * @module
 */
import type { Command } from 'commander'
import type { Profile } from '../../behavior/handshake/profile.ts'
import type { Signature } from '../../behavior/handshake/signature.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { limited, type ReadOptions, reads, show, wholeNumber } from './asking.ts'
import { plain, textTable } from './text-table.ts'

interface ListOptions extends ReadOptions {
  readonly limit: string
  readonly tier?: string
  readonly all?: true
  readonly after?: string
}
interface FeedbackOptions extends ReadOptions {
  readonly why: string
}
interface ProfilePage {
  readonly profiles: readonly Profile[]
  readonly next?: string
}
interface Judged {
  readonly profile: Profile
  readonly signature?: Signature
}

/** Adds them to `program`; `out` takes one line or several. */
export function addProfileCommands(program: Command, out: (text: string) => void): void {
  const profiles = program.command('profiles').description('what is remembered of clients')
  limited(reads(profiles.command('list').description('the last seen first')), 20)
    .option('--tier <n>', 'only those of tier 1, 2 or 3', wholeNumber('--tier', 1, 3))
    .option('--all', 'all that are kept, by id, page by page')
    .option('--after <id>', 'with --all: only ids above this')
    .action(async (options: ListOptions) => {
      const query = new URLSearchParams({ limit: options.limit })
      if (options.tier !== undefined) query.set('tier', options.tier)
      if (options.all === true) query.set('order', 'id')
      if (options.after !== undefined) query.set('after', options.after)
      const page = await options.client().get<ProfilePage>(`/v1/profiles?${query}`)
      show(page, options.output, profileTable, out)
    })
  reads(
    profiles.command('show <id>').description('one client: who, how often, scores, reasons'),
  ).action(async (id: string, options: ReadOptions) => {
    const profile = await options.client().get<Profile>(pathOf(id))
    show(profile, options.output, profileText, out)
  })
  reads(
    profiles
      .command('feedback <id> <good|bad>')
      .description('say what a client is; bad makes a signature'),
  )
    .option('--why <text>', 'for the audit log', '')
    .action(async (id: string, label: string, options: FeedbackOptions) => {
      if (label !== 'good' && label !== 'bad') {
        const text = `A client is good or bad, not ${plain(label)}`
        throw new LimenError('usage', text, { side: 'operator', retry: false })
      }
      const body = { label, why: options.why }
      const judged = await options.client().send<Judged>('POST', `${pathOf(id)}/feedback`, body)
      show(judged, options.output, judgedText, out)
    })
  reads(profiles.command('remove <id>').description('forget one client')).action(
    async (id: string, options: ReadOptions) => {
      await options.client().send('DELETE', pathOf(id))
      show({ removed: id }, options.output, ({ removed }) => `Removed ${plain(removed)}`, out)
    },
  )

  const signatures = program.command('signatures').description('confirmed patterns of attack')
  reads(signatures.command('list').description('all in force')).action(
    async (options: ReadOptions) => {
      const found = await options.client().get<readonly Signature[]>('/v1/signatures')
      show(found, options.output, signatureTable, out)
    },
  )
  reads(signatures.command('remove <id>').description('no longer hold it against anybody')).action(
    async (id: string, options: ReadOptions) => {
      await options.client().send('DELETE', `/v1/signatures/${encodeURIComponent(id)}`)
      show({ removed: id }, options.output, ({ removed }) => `Removed ${plain(removed)}`, out)
    },
  )
}

function pathOf(id: string): string {
  return `/v1/profiles/${encodeURIComponent(id)}`
}

function profileTable({ profiles, next }: ProfilePage): string {
  const table = textTable(
    ['ID', 'CLIENT', 'NETWORK', 'TIER', 'SCORE', 'CONNECTIONS', 'LAST SEEN', 'LABEL', 'REASONS'],
    profiles.map((one) => [
      one.id,
      one.client || '-',
      one.addressGroup,
      one.tier,
      one.score.toFixed(1),
      one.connections,
      momentOf(one.lastSeen),
      one.label || '-',
      one.reasons.map(({ code }) => code).join(' ') || '-',
    ]),
    'No profiles.',
  )
  return next === undefined ? table : `${table}\nMore: --all --after ${next}`
}

function profileText(profile: Profile): string {
  const { counts, history } = profile
  const handshakes = [
    `${whole(counts.full)} full`,
    `${whole(counts.resumed)} resumed`,
    `${whole(counts.incomplete)} came to nothing`,
  ]
  const lines = [
    `Profile ${profile.id}: ${profile.client || 'unknown software'} from ${profile.addressGroup}`,
    `JA4         ${profile.ja4s.join(', ') || profile.ja4Stable || 'none'}`,
    ...(profile.form === '' ? [] : [`hellos      ${profile.form}`]),
    `seen        ${momentOf(profile.firstSeen)} to ${momentOf(profile.lastSeen)}, ${profile.connections} connections`,
    `handshakes  ${handshakes.join(', ')} (of late)`,
    `checks      ${whole(counts.checksPassed)} passed, ${whole(counts.checksFailed)} failed`,
    `score       ${profile.score.toFixed(2)}, tier ${profile.tier}`,
    ...(profile.label === '' ? [] : [`label       ${profile.label}, by ${profile.labelledBy}`]),
    ...profile.reasons.map(({ weight, code, text }) => `  ${weight.toFixed(2)}  ${text} (${code})`),
    ...(history.length === 0 ? [] : ['history']),
    ...history.map(({ at, score, tier }) => `  ${momentOf(at)}  ${score.toFixed(2)}  tier ${tier}`),
  ]
  return lines.map(plain).join('\n')
}

function judgedText({ profile, signature }: Judged): string {
  const said = `Profile ${profile.id} is ${profile.label}`
  if (signature === undefined) return plain(said)
  const until = momentOf(signature.until)
  return plain(`${said}; signature ${signature.id} holds until ${until}`)
}

function signatureTable(signatures: readonly Signature[]): string {
  return textTable(
    ['ID', 'MATCHES', 'SINCE', 'UNTIL', 'HITS', 'BY', 'WHY'],
    signatures.map((one) => [
      one.id,
      Object.entries(one.match)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
      momentOf(one.since),
      momentOf(one.until),
      one.hits,
      one.by,
      one.why,
    ]),
    'No signatures.',
  )
}

/** Counts fade, so they are not whole. */
function whole(count: number): string {
  return String(Math.round(count))
}

function momentOf(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}
