/**
 * A scenario for `limen simulate`, as YAML: every key that may be written, its default and what it means. Anything else is
 * refused with its line and column, as `limen.yaml` is.
 *
 * @module
 */
import { LineCounter, parseDocument, type Document as YamlDocument } from 'yaml'
import { z } from 'zod'
import type { SiteScenario } from '../../flows/site-scenario.ts'
import { BALANCE_POLICIES } from '../../routing/balancer.ts'
import { blameIn, type Complaint, type ConfigPath } from '../server/config/complaint.ts'
import { CONFIG_DEFAULTS } from '../server/config/defaults.ts'
import type { ConfigText } from '../server/config/read-config.ts'
import { aliasesOf, danglingText, isDangling } from '../server/config/yaml-aliases.ts'
import { configRefused } from '../server/load-config.ts'

/** A week: longer is several runs. */
const S_MAX = 7 * 86_400
/** What one edge carries in a minute is far below. */
const PER_MINUTE_MAX = 10_000_000
const SERVERS_MAX = 1000

const seconds = z.number().min(0).max(S_MAX)
const sigma = z.number().min(0).max(3)
const id = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'must be letters, digits, ".", "_" or "-"')

const crowd = z
  .strictObject({
    name: id.describe('For the calendar of the forecast.'),
    fromS: seconds,
    toS: seconds,
    factor: z.number().min(0).max(1000).describe('Times as many sessions.'),
    rampS: seconds.default(0).describe('Up to that, and down again after toS.'),
    everyDays: z.int().min(0).max(28).default(0).describe('It came so often before; 0: never.'),
    announced: z
      .boolean()
      .default(false)
      .describe('The forecast is told when it will come, and came.'),
  })
  .refine(({ fromS, toS }) => toS > fromS, { path: ['toS'], error: 'must be after fromS' })

const sessions = z.strictObject({
  perMinute: z
    .union([z.number(), z.array(z.number().min(0).max(PER_MINUTE_MAX)).min(1).max(10_080)], {
      error: 'must be a number, or a list of them, minute by minute',
    })
    .transform((rate) => (typeof rate === 'number' ? [rate] : rate))
    .refine((rates) => rates.every((rate) => rate >= 0 && rate <= PER_MINUTE_MAX), {
      error: `must be from 0 to ${PER_MINUTE_MAX}`,
    })
    .describe('New sessions.'),
  daySwing: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('The daily curve: above its mean by that share at its peak.'),
  peakHour: z.number().min(0).max(24).default(15),
  crowds: z.array(crowd).max(32).default([]),
  requests: z
    .number()
    .min(1)
    .max(10_000)
    .default(10)
    .describe('Per session, geometric of that mean.'),
  thinkS: seconds
    .default(4)
    .describe('From an answer to the next request, lognormal of that mean.'),
  thinkSigma: sigma.default(1),
  serviceMs: z
    .number()
    .min(0.01)
    .max(600_000)
    .default(20)
    .describe('Of a request on a server of speed 1.'),
  service: z.enum(['lognormal', 'exponential']).default('lognormal'),
  serviceSigma: sigma.default(0.7),
  idempotent: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Share that may be sent again when a server is lost.'),
})

const capacity = {
  slots: z.int().min(1).max(100_000).default(8).describe('Requests served at once.'),
  speed: z.number().min(0.001).max(1000).default(1),
  weight: z.int().min(1).max(256).default(1),
  startUpS: seconds.default(0).describe('From being ordered to the first request.'),
}
const servers = z.strictObject({ ids: z.array(id).min(1).max(SERVERS_MAX), ...capacity })

const event = z.discriminatedUnion('does', [
  z
    .strictObject({
      does: z.literal('slow'),
      server: id,
      atS: seconds,
      toS: seconds,
      factor: z.number().min(0.001).max(10_000),
    })
    .refine(({ atS, toS }) => toS > atS, { path: ['toS'], error: 'must be after atS' }),
  z.strictObject({ does: z.enum(['kill', 'drain', 'add']), server: id, atS: seconds }),
])

const scaling = z.strictObject({
  modes: z
    .array(z.enum(['none', 'reactive', 'predictive']))
    .min(1)
    .max(3)
    .default(['none']),
  server: z.strictObject(capacity).prefault({}).describe('What is started.'),
  max: z.int().min(1).max(SERVERS_MAX).default(10).describe('Of those.'),
  utilisation: z
    .number()
    .min(0.05)
    .max(0.95)
    .default(0.6)
    .describe('Share of the slots that shall be busy.'),
  reactive: z
    .strictObject({
      everyS: z.number().min(1).max(3600).default(15).describe('As HorizontalPodAutoscaler.'),
      cooldownS: seconds.default(60),
    })
    .prefault({}),
  predictive: z
    .strictObject({
      marginS: seconds.max(3600).default(60),
      historyDays: z.int().min(1).max(22).default(8),
      daySigma: sigma.default(0.1),
    })
    .prefault({}),
})

const phase = z
  .strictObject({ name: id, fromS: seconds, toS: seconds })
  .refine(({ fromS, toS }) => toS > fromS, { path: ['toS'], error: 'must be after fromS' })

const scenarioSchema = z
  .strictObject({
    seed: z
      .int()
      .min(0)
      .max(2 ** 29)
      .default(1),
    forS: z.number().min(1).max(S_MAX).describe('What is measured.'),
    warmUpS: z.int().min(0).max(86_400).multipleOf(60).default(120),
    beginsAtHour: z.number().min(0).max(24).default(12),
    sessions,
    pool: z
      .strictObject({
        policies: z
          .array(z.enum(BALANCE_POLICIES))
          .min(1)
          .max(BALANCE_POLICIES.length)
          .default(['latency']),
        stay: z
          .boolean()
          .default(true)
          .describe('Sessions stay on their servers while these are well.'),
        boundedLoad: z.number().min(1).max(100).default(CONFIG_DEFAULTS.pool.boundedLoad),
        slowStartMs: z.number().min(0).max(3_600_000).default(CONFIG_DEFAULTS.pool.slowStartMs),
        timeoutMs: z.number().min(1).max(3_600_000).default(CONFIG_DEFAULTS.timeouts.firstByteMs),
      })
      .prefault({}),
    servers: z.array(servers).min(1).max(SERVERS_MAX),
    events: z.array(event).max(1000).default([]),
    miss: z
      .strictObject({
        ms: z
          .number()
          .min(0)
          .max(60_000)
          .default(20)
          .describe('Until the keys of a session are fetched.'),
        workMs: z.number().min(0).max(60_000).default(1),
        keysAhead: z.boolean().default(false).describe('They are everywhere before.'),
      })
      .prefault({}),
    scaling: scaling.prefault({}),
    phases: z.array(phase).max(32).default([]),
  })
  .superRefine(({ servers, events, scaling, sessions }, context) => {
    const ids = servers.flatMap((each) => each.ids)
    const twice = ids.find((one, i) => ids.indexOf(one) !== i)
    if (twice !== undefined) {
      context.addIssue({ code: 'custom', path: ['servers'], message: `${twice} is there twice` })
    }
    if (ids.length + scaling.max > SERVERS_MAX) {
      context.addIssue({ code: 'custom', path: ['servers'], message: `more than ${SERVERS_MAX}` })
    }
    events.forEach(({ server }, i) => {
      if (ids.includes(server)) return
      context.addIssue({ code: 'custom', path: ['events', i, 'server'], message: 'no such server' })
    })
    sessions.crowds.forEach(({ fromS, toS, rampS, everyDays }, i) => {
      if (everyDays === 0 || toS + rampS - fromS < everyDays * 86_400) return
      const path = ['sessions', 'crowds', i, 'everyDays']
      context.addIssue({ code: 'custom', path, message: 'comes again before it is over' })
    })
  })

/** @throws LimenError `config-refused` with every complaint */
export function readScenario({ file, text }: ConfigText): SiteScenario {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const blame = blameIn(file, document, lines, new Map())
  const syntax = [...document.errors, ...document.warnings]
  if (syntax.length > 0) {
    throw configRefused(
      syntax.map(({ message, pos }): Complaint => {
        const { line, col } = lines.linePos(pos[0])
        return { source: file, line, column: col, path: '', text: message }
      }),
    )
  }
  const outcome = scenarioSchema.safeParse(treeOf(file, document, lines))
  if (!outcome.success) {
    throw configRefused(
      outcome.error.issues.flatMap((issue) => {
        const path: ConfigPath = issue.path.map((part) =>
          typeof part === 'number' ? part : String(part),
        )
        if (issue.code !== 'unrecognized_keys') return [blame(path, issue.message)]
        return issue.keys.map((key) => blame([...path, key], 'unknown key'))
      }),
    )
  }
  const { servers: groups, ...rest } = outcome.data
  const all = groups.flatMap(({ ids, ...each }) => ids.map((one) => ({ id: one, ...each })))
  return { ...rest, servers: all }
}

/** @throws LimenError `config-refused` at the alias that names nothing, or the first when they unfold beyond measure */
function treeOf(file: string, document: YamlDocument, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    const aliases = aliasesOf(document)
    const dangling = aliases.find((alias) => isDangling(document, alias))
    const text = dangling === undefined ? 'its aliases unfold to too much' : danglingText(dangling)
    const { line, col } = lines.linePos((dangling ?? aliases[0])?.range?.[0] ?? 0)
    throw configRefused([{ source: file, line: line || 1, column: col || 1, path: '', text }])
  }
}
