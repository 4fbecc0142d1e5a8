/**
 * `limen.yaml` and `LIMEN_*` -> a frozen {@link Config}, or every complaint at once, each with its line and column.
 *
 * @module
 */
import { resolve } from 'node:path'
import { LineCounter, parseDocument, type Document as YamlDocument } from 'yaml'
import { z } from 'zod'
import { admissionSchema } from './admission-schema.ts'
import { type Blame, blameIn, type Complaint, type ConfigPath, writePath } from './complaint.ts'
import { crossCheck } from './cross-checks.ts'
import { withWholeCustodyPaths } from './custody-schema.ts'
import { didYouMean } from './did-you-mean.ts'
import { applyOverrides, type Environment, readEnvironment } from './environment.ts'
import { knownKeys } from './json-schema.ts'
import { type Config, configSchema } from './schema.ts'
import { aliasesOf, danglingText, isDangling } from './yaml-aliases.ts'

/** Larger than any configuration a person can read. */
const TEXT_CHARS_MAX = 2 ** 20

export interface ConfigText {
  /** As shown in complaints. */
  readonly file: string
  readonly text: string
  /** Where relative paths start. */
  readonly folder: string
}

export type ConfigOutcome =
  | { readonly kind: 'read'; readonly config: Config; readonly blame: Blame }
  | { readonly kind: 'refused'; readonly complaints: readonly Complaint[] }

export type PolicyOutcome =
  | { readonly kind: 'read'; readonly admission: Config['admission'] }
  | { readonly kind: 'refused'; readonly complaints: readonly Complaint[] }

/** What `admission` says in a whole `limen.yaml`, or in a file that holds only that part, under its key or without. */
export function readPolicy(source: ConfigText, environment: Environment): PolicyOutcome {
  const parsed = parseText(source)
  if (parsed.kind === 'refused') return parsed
  const { tree, document, lines } = parsed
  const keys = typeof tree === 'object' && tree !== null ? Object.keys(tree) : []
  if (keys.includes('listeners')) {
    const outcome = readConfig(source, environment)
    return outcome.kind === 'refused'
      ? outcome
      : { kind: 'read', admission: outcome.config.admission }
  }
  const isUnderItsKey = keys.length === 1 && keys[0] === 'admission'
  const whole = isUnderItsKey ? tree : { admission: tree ?? {} }
  const blame = blameIn(source.file, document, lines, new Map())
  const outcome = z.strictObject({ admission: admissionSchema.prefault({}) }).safeParse(whole)
  if (outcome.success) return { kind: 'read', admission: freeze(outcome.data.admission) }
  // In the file itself the part may stand at the top.
  const blameThere: Blame = (path, text) => ({
    ...blame(isUnderItsKey ? path : path.slice(1), text),
    path: writePath(path),
  })
  return refused(
    outcome.error.issues.flatMap((issue) => complaintsOf(issue, [], whole, blameThere)),
  )
}

export function readConfig(source: ConfigText, environment: Environment): ConfigOutcome {
  const read = parseText(source)
  if (read.kind === 'refused') return read
  const { tree, document, lines } = read
  const { overrides, complaints } = readEnvironment(environment)
  const variables = new Map(overrides.map(({ path, variable }) => [writePath(path), variable]))
  const blame = blameIn(source.file, document, lines, variables)
  const whole = applyOverrides(tree, overrides)
  const parsed = configSchema.safeParse(whole)
  if (!parsed.success || complaints.length > 0) {
    const issues = parsed.error?.issues ?? []
    const found = issues.flatMap((issue) => complaintsOf(issue, [], whole, blame))
    return refused([...complaints, ...found])
  }
  const config = freeze(withWholePaths(parsed.data, source.folder))
  const crossed = crossCheck(config, blame)
  return crossed.length > 0 ? refused(crossed) : { kind: 'read', config, blame }
}

type ParsedText =
  | {
      readonly kind: 'parsed'
      readonly tree: unknown
      readonly document: YamlDocument
      readonly lines: LineCounter
    }
  | { readonly kind: 'refused'; readonly complaints: readonly Complaint[] }

function parseText(source: ConfigText): ParsedText {
  if (source.text.length > TEXT_CHARS_MAX) {
    const text = `is longer than ${TEXT_CHARS_MAX} characters`
    return refused([{ source: source.file, line: 1, column: 1, path: '', text }])
  }
  const lines = new LineCounter()
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false })
  const complaintAt = (offset: number, text: string): Complaint => {
    const { line, col } = lines.linePos(offset)
    return { source: source.file, line: line || 1, column: col || 1, path: '', text }
  }
  // Octets that are no UTF-8 were read as this character, and no configuration needs it.
  const bad = source.text.indexOf('\ufffd')
  if (bad >= 0) return refused([complaintAt(bad, 'is not UTF-8 (or has U+FFFD, for what was not)')])
  const syntax = [...document.errors, ...document.warnings]
  if (syntax.length > 0) {
    return refused(
      syntax.map(({ code, message, pos }) =>
        complaintAt(pos[0], code === 'MULTIPLE_DOCS' ? SECOND_DOCUMENT : message),
      ),
    )
  }
  const tree = treeOf(document)
  if (tree instanceof Error) {
    const dangling = aliasesOf(document)
      .filter((alias) => isDangling(document, alias))
      .map((alias) => complaintAt(alias.range?.[0] ?? 0, danglingText(alias)))
    return refused(dangling.length > 0 ? dangling : [complaintAt(0, tree.message)])
  }
  return { kind: 'parsed', tree, document, lines }
}

const SECOND_DOCUMENT = 'a second document begins here: a configuration is one'

/** Fails on aliases that unfold without end. */
function treeOf(document: YamlDocument): unknown {
  try {
    return document.toJS()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function refused(complaints: readonly Complaint[]): {
  readonly kind: 'refused'
  readonly complaints: readonly Complaint[]
} {
  const position = ({ line = 0, column = 0 }: Complaint): number => line * 1000 + column
  return { kind: 'refused', complaints: [...complaints].sort((a, b) => position(a) - position(b)) }
}

type Issue = z.core.$ZodIssue

function complaintsOf(
  issue: Issue,
  above: ConfigPath,
  whole: unknown,
  blame: Blame,
): readonly Complaint[] {
  const path = [
    ...above,
    ...issue.path.map((part) => (typeof part === 'number' ? part : String(part))),
  ]
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path)
    const others = keysAt(whole, path).filter(
      (key) => known.includes(key) && !issue.keys.includes(key),
    )
    return issue.keys.map((key) => {
      // Known there, but of another alternative.
      const excluded = known.includes(key) && others.length > 0
      const text = excluded
        ? `excludes ${others.join(' and ')}: one or the other`
        : `unknown key${didYouMean(key, known)}`
      return blame([...path, key], text)
    })
  }
  if (issue.code === 'invalid_union') {
    return likeliest(issue.errors).flatMap((inner) => complaintsOf(inner, path, whole, blame))
  }
  return [blame(path, inPlainWords(issue))]
}

function keysAt(whole: unknown, path: ConfigPath): readonly string[] {
  const value = path.reduce<unknown>(
    (node, part) => (node as Record<string | number, unknown> | undefined)?.[part],
    whole,
  )
  return Object.keys(value ?? {})
}

/** Of the alternatives of a union, the one its author most likely meant: fewest complaints, least of them about keys. */
function likeliest(errors: readonly (readonly Issue[])[]): readonly Issue[] {
  const strangeness = (issues: readonly Issue[]): number =>
    issues.reduce(
      (sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 10 * issue.keys.length : 1),
      0,
    )
  return [...errors].sort((a, b) => strangeness(a) - strangeness(b))[0] ?? []
}

function inPlainWords(issue: Issue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) {
    return `is missing (expected ${issue.expected})`
  }
  return issue.message.replace(/^Invalid input: e/, 'e').replace(/^Invalid option: e/, 'e')
}

/** Every path in the configuration made absolute. */
function withWholePaths(config: z.output<typeof configSchema>, folder: string): Config {
  const pair = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => ({
    certFile: resolve(folder, certFile),
    keyFile: resolve(folder, keyFile),
  })
  const { certificate, tokens, ...admin } = config.admin
  return {
    ...config,
    data: resolve(folder, config.data),
    certificates: config.certificates.map((entry) => ('certFile' in entry ? pair(entry) : entry)),
    pools: config.pools.map((pool) =>
      withWholeLoadPaths(withWholeScalingPaths(pool, folder), folder),
    ),
    sessions: withWholeSessionPaths(config.sessions, folder),
    forecast: {
      ...config.forecast,
      calendars: config.forecast.calendars.map((calendar) =>
        'file' in calendar ? { ...calendar, file: resolve(folder, calendar.file) } : calendar,
      ),
    },
    behavior: withWholeCapturePath(config.behavior, folder),
    signals: withWholeSignalPaths(config.signals, folder),
    ...withWholeDevicePaths(config, folder),
    custody: withWholeCustodyPaths(config.custody, folder),
    admin: {
      ...admin,
      ...(certificate === undefined ? {} : { certificate: pair(certificate) }),
      tokens: tokens.map((token) =>
        'tokenFile' in token ? { ...token, tokenFile: resolve(folder, token.tokenFile) } : token,
      ),
    },
  }
}

type Pool = Config['pools'][number]

function withWholeLoadPaths({ load, ...pool }: Pool, folder: string): Pool {
  if (load?.agentTokenFile === undefined) return { ...pool, load }
  return { ...pool, load: { ...load, agentTokenFile: resolve(folder, load.agentTokenFile) } }
}

function withWholeScalingPaths({ scaling, ...pool }: Pool, folder: string): Pool {
  if (scaling === undefined) return pool
  const { webhook, processes, ...rest } = scaling
  const secretFile = webhook && resolve(folder, webhook.secretFile)
  const cwd = processes && resolve(folder, processes.cwd ?? '.')
  return {
    ...pool,
    scaling: {
      ...rest,
      ...(webhook && secretFile && { webhook: { ...webhook, secretFile } }),
      ...(processes && cwd && { processes: { ...processes, cwd } }),
    },
  }
}

function withWholeSessionPaths(sessions: Config['sessions'], folder: string): Config['sessions'] {
  const { login, server, redis, ...rest } = sessions
  const whole = <T extends object>(of: T, ...keys: readonly (keyof T)[]): T => {
    const made = { ...of }
    for (const key of keys) {
      const path = of[key]
      if (typeof path === 'string') made[key] = resolve(folder, path) as T[typeof key]
    }
    return made
  }
  return {
    ...rest,
    ...(login === undefined ? {} : { login: whole(login, 'jwks') }),
    ...(server === undefined ? {} : { server: whole(server, 'credentials') }),
    ...(redis === undefined ? {} : { redis: whole(redis, 'passwordFile', 'caFile') }),
  }
}

function withWholeCapturePath(behavior: Config['behavior'], folder: string): Config['behavior'] {
  const { capture } = behavior
  if (capture.eve === undefined) return behavior
  const [, scheme = '', path = ''] = /^(unix:)?(.*)$/s.exec(capture.eve) ?? []
  return { ...behavior, capture: { ...capture, eve: `${scheme}${resolve(folder, path)}` } }
}

function withWholeDevicePaths({ devices }: Config, folder: string): Pick<Config, 'devices'> {
  if (devices === undefined) return {}
  const { keyService, caFile, tokenFile } = devices
  const whole = { caFile: resolve(folder, caFile), tokenFile: resolve(folder, tokenFile) }
  return { devices: { keyService, ...whole } }
}

function withWholeSignalPaths(signals: Config['signals'], folder: string): Config['signals'] {
  const whole = (path: string): string => resolve(folder, path)
  const { certificate, transmitters, receivers, ...rest } = signals
  const token = <T extends { readonly tokenFile?: string | undefined }>(of: T): T =>
    of.tokenFile === undefined ? of : { ...of, tokenFile: whole(of.tokenFile) }
  return {
    ...rest,
    ...(certificate && {
      certificate: { certFile: whole(certificate.certFile), keyFile: whole(certificate.keyFile) },
    }),
    transmitters: transmitters.map(({ jwks, poll, ...one }) => ({
      ...token(one),
      ...(jwks === undefined ? {} : { jwks: whole(jwks) }),
      ...(poll === undefined ? {} : { poll: token(poll) }),
    })),
    receivers: receivers.map(token),
  }
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}
