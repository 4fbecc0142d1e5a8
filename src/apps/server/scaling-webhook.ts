/**
 * The webhooks that `pools[].scaling` names, and whether their secrets can be read: for `limen check` and for the start.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { openWebhook, readWebhookSecret, type Webhook } from '../../adapters/node/webhook.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { ulids } from '../../ground/ulid.ts'
import type { Blame, Complaint } from './config/complaint.ts'
import type { Config } from './config/schema.ts'
import type { WebhookEnd } from './scale-pools.ts'

const NO_SECRET = 'must hold whsec_ and base64 of 24 to 64 bytes'

export function checkWebhookSecrets({ pools }: Config, blame: Blame): readonly Complaint[] {
  return pools.flatMap(({ scaling }, i) => {
    if (scaling?.webhook === undefined) return []
    const why = whyNot(scaling.webhook.secretFile)
    const path = ['pools', i, 'scaling', 'webhook', 'secretFile']
    return why === undefined ? [] : [blame(path, why)]
  })
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
  const nextId = ulids(random)
  return (pool, onEnd) => {
    const webhook = config.pools.find(({ name }) => name === pool)?.scaling?.webhook
    if (webhook === undefined) return undefined
    const secret = readWebhookSecret(readFileSync(webhook.secretFile, 'utf8'))
    if (secret === undefined) throw new TypeError(`${webhook.secretFile} ${NO_SECRET}`)
    const now = (): number => clock.now()
    return openWebhook({ url: webhook.url, secret, now, nextId: () => nextId(now()), onEnd })
  }
}
