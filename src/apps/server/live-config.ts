/**
 * The configuration in force: read, checked, applied to the data plane, and again at each reload.
 * A bad new one is refused with its lines, and the old one stays.
 *
 * @module
 */
import { digestsOf, type FileDigests } from '../../adapters/node/file-watch.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import type { SecretFiles } from '../../adapters/node/secret-files.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import type { BehaviorPlace } from './config/behavior-settings.ts'
import { type Blame, type Complaint, writeComplaint, writePath } from './config/complaint.ts'
import { dataPlaneSettings, type StartedOf } from './config/data-plane-settings.ts'
import type { Environment } from './config/environment.ts'
import type { KeyServerPlace } from './config/key-server-settings.ts'
import { readConfig } from './config/read-config.ts'
import type { Config } from './config/schema.ts'
import { type ConfigSource, configRefused } from './load-config.ts'
import { checkFiles, filesOf, readMaterial, type ServerMaterial } from './material.ts'

export interface InForce {
  readonly config: Config
  readonly material: ServerMaterial
  /** Of the files all that came from, before they were read. */
  readonly digests: FileDigests
}

export type ReloadOutcome =
  /** `waiting`: what changed but takes a restart. */
  | { readonly kind: 'applied'; readonly at: number; readonly waiting: readonly string[] }
  | { readonly kind: 'refused'; readonly at: number; readonly complaints: readonly Complaint[] }

export interface LiveConfig {
  now(): InForce
  lastReload(): ReloadOutcome
  /** Reads everything again and applies it; one at a time. `by` goes to the log. Never throws. */
  reload(by: string): Promise<ReloadOutcome>
  /** Applies keys and certificates that time has replaced (ticket keys daily, the local CA's leaf). */
  refresh(): Promise<void>
  /** Tells the data plane again what is in force, with the servers that run as processes here now. Rejects when it fails. */
  reapply(): Promise<void>
}

export interface LoadOptions {
  readonly source: ConfigSource
  readonly environment: Environment
  readonly clock: Clock
  readonly random: Random
  /** Where the secrets of `data` are. */
  readonly secrets: SecretFiles
}

/** Read and checked; what lies in `data` has not been looked at. */
export interface LoadedConfig {
  readonly config: Config
  readonly blame: Blame
  /** Of the files of the configuration, before they were read. */
  readonly digests: FileDigests
}

/** What is read once, at start. */
const FIXED_AT_START = [
  ['data', (config: Config) => config.data],
  ['workers', (config: Config) => config.workers],
  ['log', (config: Config) => config.log],
  ['forecast', (config: Config) => config.forecast],
  ['decisions', (config: Config) => config.decisions],
  ['admission.profiles', (config: Config) => config.admission.profiles],
  ['admission.signatures', (config: Config) => config.admission.signatures],
  ['admission.tier2 (for profiles)', (config: Config) => config.admission.tier2],
  ['admission.tier3 (for profiles)', (config: Config) => config.admission.tier3],
  ['admission.falsePositiveBudget', (config: Config) => config.admission.falsePositiveBudget],
  [
    'pools[].scaling',
    // Names matter of pools that scale alone.
    ({ pools }: Config) =>
      pools.flatMap(({ name, scaling }) => (scaling === undefined ? [] : [[name, scaling]])),
  ],
  ['sessions', (config: Config) => config.sessions],
  ['behavior', (config: Config) => config.behavior],
  ['signals', (config: Config) => config.signals],
  ['custody', (config: Config) => config.custody],
  ['devices', (config: Config) => config.devices],
  ['admin.address', (config: Config) => config.admin.address],
  ['admin.certificate', (config: Config) => config.admin.certificate],
  ['metrics.address', (config: Config) => config.metrics.address],
] as const

/** Reads the configuration for the first time, and the files it names; throws `config-refused` with every complaint. */
export function loadConfig({
  source,
  environment,
}: Pick<LoadOptions, 'source' | 'environment'>): LoadedConfig {
  const digests = digestsOf(source.files)
  const outcome = readConfig(source.read(), environment)
  if (outcome.kind === 'refused') throw configRefused(outcome.complaints)
  const { complaints } = checkFiles(outcome)
  if (complaints.length > 0) throw configRefused(complaints)
  const { config, blame } = outcome
  return { config, blame, digests }
}

/** With what belongs to it; throws `config-refused` with every complaint. */
export async function firstInForce(
  { config, blame, digests }: LoadedConfig,
  { clock, random, secrets }: Pick<LoadOptions, 'clock' | 'random' | 'secrets'>,
): Promise<InForce> {
  const all = new Map([...digests, ...digestsOf(filesOf(config))])
  const files = await readMaterial({ config, blame, clock, random, secrets })
  if (files.kind === 'refused') throw configRefused(files.complaints)
  return { config, material: files.material, digests: all }
}

/** Applies `first` to the data plane and keeps it up to date from there. */
export async function keepConfig(
  options: LoadOptions & {
    readonly first: InForce
    readonly plane: DataPlane
    readonly log: Log
    readonly keys: KeyServerPlace | undefined
    /** Where batches of behavior are taken in. */
    readonly behavior?: BehaviorPlace | undefined
    /** Servers that run as processes here. */
    readonly started?: StartedOf
  },
): Promise<LiveConfig> {
  const { first, plane, log, clock, keys, started, behavior } = options
  let inForce = first
  let last: ReloadOutcome = { kind: 'applied', at: clock.now(), waiting: [] }
  let turn: Promise<unknown> = Promise.resolve()

  const apply = async (next: InForce): Promise<void> => {
    await plane.apply(dataPlaneSettings(next.config, next.material, keys, started, behavior))
    inForce = next
  }
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }
  const reloadNow = async (by: string): Promise<ReloadOutcome> => {
    const at = clock.now()
    const outcome = await attempt(options, async (next) => apply(next))
    if (outcome.kind === 'refused') {
      for (const complaint of outcome.complaints) {
        log.error(
          { by, complaint: writeComplaint(complaint) },
          'Reload refused, the old configuration stays',
        )
      }
      return { kind: 'refused', at, complaints: outcome.complaints }
    }
    const waiting = FIXED_AT_START.filter(
      ([, of]) => JSON.stringify(of(first.config)) !== JSON.stringify(of(inForce.config)),
    ).map(([name]) => name)
    if (waiting.length > 0) log.warn({ by, waiting }, 'Changed, but takes effect at the next start')
    log.info({ by }, 'Configuration reloaded')
    return { kind: 'applied', at, waiting }
  }

  await apply(first)
  return {
    now: () => inForce,
    lastReload: () => last,
    reapply: () => inTurn(() => apply(inForce)),
    reload: (by) =>
      inTurn(async () => {
        last = await reloadNow(by)
        return last
      }),
    refresh: () =>
      inTurn(async () => {
        const { config } = inForce
        const renewed = await readMaterial({
          ...options,
          config,
          blame: blameSource(options.source),
        })
        if (renewed.kind === 'refused') {
          log.error({ complaints: renewed.complaints.map(writeComplaint) }, 'Cannot renew keys')
        } else if (!sameKeys(renewed.material, inForce.material)) {
          await apply({ ...inForce, material: renewed.material })
          log.info({}, 'Keys and certificates renewed')
        }
      }),
  }
}

type Reading =
  | { readonly kind: 'read'; readonly inForce: InForce }
  | { readonly kind: 'refused'; readonly complaints: readonly Complaint[] }

async function read(options: LoadOptions): Promise<Reading> {
  const { source, environment, clock, random, secrets } = options
  const own = digestsOf(source.files)
  const outcome = readConfig(source.read(), environment)
  if (outcome.kind === 'refused') return outcome
  const { config, blame } = outcome
  const digests = new Map([...own, ...digestsOf(filesOf(config))])
  const files = await readMaterial({ config, blame, clock, random, secrets })
  if (files.kind === 'refused') return files
  return { kind: 'read', inForce: { config, material: files.material, digests } }
}

/** Reads and hands on; whatever goes wrong becomes a complaint. */
async function attempt(
  options: LoadOptions,
  use: (next: InForce) => Promise<void>,
): Promise<Reading> {
  try {
    const outcome = await read(options)
    if (outcome.kind === 'read') await use(outcome.inForce)
    return outcome
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return { kind: 'refused', complaints: [{ source: options.source.name, path: '', text }] }
  }
}

const blameSource =
  ({ name }: ConfigSource): Blame =>
  (path, text) => ({ source: name, path: writePath(path), text })

function sameKeys(a: ServerMaterial, b: ServerMaterial): boolean {
  const marks = ({ certificates, ticketKeys }: ServerMaterial): string =>
    JSON.stringify([
      certificates.map(({ certPem }) => certPem),
      ticketKeys.map((key) => Buffer.from(key).toString('base64')),
    ])
  return marks(a) === marks(b)
}
