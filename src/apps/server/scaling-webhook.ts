/**
 * The webhooks that `pools[].scaling` and `custody.alarm` name, and whether their secrets can be read: for `limen check` and for the start.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { openWebhook, readWebhookSecret, type Webhook } from '../../adapters/node/webhook.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { ulids } from '../../ground/ulid.ts'
import type { Blame, Complaint, ConfigPath } from './config/complaint.ts'
import type { Config } from './config/schema.ts'
import type { WebhookEnd } from './scale-pools.ts'

const NO_SECRET = 'must hold whsec_ and base64 of 24 to 64 bytes'

/** Where a webhook is, and what signs what it is told. */
type Named = NonNullable<Config['custody']['alarm']>

export function checkWebhookSecrets(
  { pools, custody }: Config,
  blame: Blame,
): readonly Complaint[] {
  const complaint = (named: Named | undefined, path: ConfigPath): readonly Complaint[] => {
    const why = named && whyNot(named.secretFile)
    return why === undefined ? [] : [blame([...path, 'secretFile'], why)]
  }
  return [
    ...pools.flatMap(({ scaling }, i) =>
      complaint(scaling?.webhook, ['pools', i, 'scaling', 'webhook']),
    ),
    ...complaint(custody.alarm, ['custody', 'alarm']),
  ]
}

function whyNot(file: string): string | undefined {
  try {
    return readWebhookSecret(readFileSync(file, 'utf8')) === undefined ? NO_SECRET : undefined
  } catch (error) {
    return `cannot be read: ${(error as NodeJS.ErrnoException).code}`
  }
}

/** undefined for a pool that has none. */
export function scalingWebhooks(
  config: Config,
  clock: Clock,
  random: Random,
): (pool: string, onEnd: WebhookEnd) => Webhook | undefined {
  const open = opener(clock, random)
  return (pool, onEnd) =>
    open(config.pools.find(({ name }) => name === pool)?.scaling?.webhook, onEnd)
}

/** undefined where nobody is told. */
export function alarmWebhook(
  { custody }: Pick<Config, 'custody'>,
  clock: Clock,
  random: Random,
  onEnd: WebhookEnd,
): Webhook | undefined {
  return opener(clock, random)(custody.alarm, onEnd)
}

function opener(clock: Clock, random: Random) {
  const nextId = ulids(random)
  return (named: Named | undefined, onEnd: WebhookEnd): Webhook | undefined => {
    if (named === undefined) return undefined
    const secret = readWebhookSecret(readFileSync(named.secretFile, 'utf8'))
    if (secret === undefined) throw new TypeError(`${named.secretFile} ${NO_SECRET}`)
    const now = (): number => clock.now()
    return openWebhook({ url: named.url, secret, now, nextId: () => nextId(now()), onEnd })
  }
}
