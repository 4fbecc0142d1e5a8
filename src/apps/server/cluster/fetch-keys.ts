/**
 * The keys an edge is to hold (`GET /v1/stek`): sealed to a key pair of this process, signed by the identity of the key server,
 * none older than the last.
 *
 * @module
 */
import { z } from 'zod'
import { hpkeKeyPair } from '../../../adapters/node/hpke.ts'
import { openKeyEnvelope } from '../../../adapters/node/key-envelope.ts'
import type { Clock } from '../../../ground/clock.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Random } from '../../../ground/random.ts'
import type { AssertionKey, SessionKeysGiven } from '../../../ports/data-plane.ts'
import { KEM } from '../../../wire/key-config.ts'
import type { ClusterPeer } from './client.ts'
import type { EdgeCredentials } from './credentials.ts'
import { EDGE_KEY_FIELD } from './edge-desk.ts'

export interface FetchKeys {
  /** All that are to be held. @throws LimenError `keys-refused`, or what the connection says */
  all(): Promise<SessionKeysFetched>
  /** One that was met and is not held; undefined: there is no such key for us. Throws as {@link all}. */
  missed(stekId: number): Promise<{ stekId: number; key: Uint8Array } | undefined>
}

/** Policies for what fails are each edge's own. */
export type SessionKeysFetched = Pick<
  SessionKeysGiven,
  'keys' | 'rotation' | 'groups' | 'assertion'
>

export interface KeyFetcherOptions {
  readonly peer: Pick<ClusterPeer, 'ask'>
  readonly credentials: EdgeCredentials
  readonly clock: Clock
  readonly random: Random
}

const FETCH_MS = 5_000
/** Three per group. */
const ENVELOPES_MAX = 1024
const factor = z.number().gt(0).max(1)
const count = z.number().min(0).max(1e9)
const answer = z.strictObject({
  envelopes: z.array(z.base64()).max(ENVELOPES_MAX),
  rotation: z.strictObject({
    ...{ everyS: count, leastS: count, mostS: count, perSecondMax: count },
    tierFactor: z.tuple([factor, factor]),
  }),
  groups: z.array(
    z.strictObject({ group: z.int().min(0).max(255), hosts: z.array(z.string().max(255)) }),
  ),
})

const missedAnswer = z.strictObject({ envelopes: z.array(z.base64()).length(1) })

export function keyFetcher({ peer, credentials, clock, random }: KeyFetcherOptions): FetchKeys {
  const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
  const fields = { [EDGE_KEY_FIELD]: pair.publicKey.toString('base64url') }
  let last = 0n
  const open = (envelopes: readonly string[]) => {
    const keys: { stekId: number; key: Uint8Array }[] = []
    let assertion: AssertionKey | undefined
    for (const text of envelopes) {
      const opened = openKeyEnvelope(Buffer.from(text, 'base64'), {
        ...{ pair, last, edge: credentials.id, identity: credentials.identity },
        now: clock.now(),
      })
      if (opened.kind === 'refused') throw refused(opened.code)
      last = opened.sequence
      if (opened.contents.kind === 'ticket') keys.push(opened.contents)
      else assertion = opened.contents
    }
    return { keys, assertion }
  }
  return {
    async all() {
      const { status, body } = await peer.ask({ method: 'GET', path: '/v1/stek', fields }, FETCH_MS)
      if (status !== 200) throw refused(`status ${status}`)
      const read = answer.safeParse(JSON.parse(body.toString()))
      if (!read.success) throw refused('the answer is not understood')
      const { envelopes, rotation, groups } = read.data
      const { keys, assertion } = open(envelopes)
      return { keys, rotation, groups, ...(assertion === undefined ? {} : { assertion }) }
    },
    async missed(stekId) {
      const wanted = { group: stekId >>> 24, epoch: stekId & 0xffffff }
      const asked = { method: 'POST', path: '/v1/stek/fetch', fields, body: wanted } as const
      const { status, body } = await peer.ask(asked, FETCH_MS)
      if (status === 404) return undefined
      if (status !== 200) throw refused(`status ${status}`)
      const read = missedAnswer.safeParse(JSON.parse(body.toString()))
      if (!read.success) throw refused('the answer is not understood')
      return open(read.data.envelopes).keys.find((one) => one.stekId === stekId)
    },
  }
}

function refused(why: string): LimenError {
  const text = `The key server's keys were refused: ${why}`
  return new LimenError('keys-refused', text, { side: 'operator', retry: true })
}
