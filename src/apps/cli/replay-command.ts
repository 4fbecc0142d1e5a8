/**
 * `limen decisions replay`: decisions that are kept, through another policy (`flows/replay-decisions.ts`).
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import {
  type Replay,
  type ReplayedDecision,
  replayDecisions,
} from '../../flows/replay-decisions.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { readPolicy } from '../server/config/read-config.ts'
import { configFile, configRefused } from '../server/load-config.ts'
import { type ReadOptions, show } from './asking.ts'
import { plain, textTable } from './text-table.ts'

export interface ReplayOptions extends ReadOptions {
  readonly policy: string
  readonly since: string
}

/** The most a page of the admin API holds. */
const PAGE = 1000
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** Rows a person is shown; -o json gives all. */
const ROWS_MAX = 50

export async function runReplay(
  options: ReplayOptions,
  out: (text: string) => void,
): Promise<void> {
  const policy = readPolicy(configFile(options.policy).read(), process.env)
  if (policy.kind === 'refused') throw configRefused(policy.complaints)
  const decisions = await decisionsSince(options, Date.now() - spanOf(options.since))
  show(replayDecisions(decisions, policy.admission), options.output, replayText, out)
}

/** The oldest first. As many as are kept: their number is bounded by `decisions.keepMax`. */
async function decisionsSince({ client }: ReplayOptions, since: number): Promise<Decision[]> {
  const found: Decision[] = []
  const admin = client()
  for (let before: string | undefined; ; before = found.at(-1)?.id) {
    const query = new URLSearchParams({ limit: String(PAGE) })
    if (before !== undefined) query.set('before', before)
    const page = await admin.get<readonly Decision[]>(`/v1/decisions?${query}`)
    const young = page.filter(({ at }) => at >= since)
    found.push(...young)
    if (page.length < PAGE || young.length < page.length) return found.reverse()
  }
}

function spanOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined) {
    const said = `--since takes a time such as 90m, 24h or 7d, not ${plain(text)}`
    throw new LimenError('usage', said, { side: 'operator', retry: false })
  }
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
}

function replayText({ decisions, changed, profilesChanged }: Replay): string {
  if (changed.length === 0) return `${decisions} decisions: identical results, 0 changes`
  const shown = changed.slice(-ROWS_MAX)
  const table = textTable(
    ['ID', 'FROM', 'PROFILE', 'TIER', 'IN FORCE', 'WHY'],
    shown.map((one) => [
      one.id,
      one.subject,
      one.profile || '-',
      changeOf(one.tierWas, one.tierWould),
      changeOf(one.enforcedWas, one.enforcedWould),
      whyOf(one),
    ]),
    '',
  )
  const rest = changed.length > shown.length ? `\nThe last ${shown.length}; -o json gives all.` : ''
  return `${decisions} decisions: ${changed.length} changes, of ${profilesChanged} profiles\n${table}${rest}`
}

function changeOf(was: number, would: number): string {
  return was === would ? String(was) : `${was} -> ${would}`
}

function whyOf({ reasons }: ReplayedDecision): string {
  return reasons.map(({ code, weight }) => `${code} ${weight.toFixed(1)}`).join(', ') || '-'
}
