/**
 * Requests of the operations API, from head to answer: who asks, whether it may, what for, and what is written down of it before it is
 * answered. Envelopes and errors are Vault's.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { LimenError } from '../../ground/limen-error.ts'
import type { AccessDecision, DecideAccess } from '../../keys/custody/access-policy.ts'
import { KEY_NAME } from '../../keys/custody/catalogued-key.ts'
import type { CustodyAudit } from '../../ports/custody-audit.ts'
import type { Answer, ApiWorld, Asked } from './endpoint.ts'
import type { HttpAnswer, HttpHandler, RequestHead } from './http-connection.ts'
import { type Action, findRoute } from './routes.ts'
import { type SystemState, systemAnswer } from './system-answers.ts'
import type { ApiCaller } from './who-asks.ts'

export interface ApiRequestsOptions {
  readonly world: ApiWorld
  readonly decide: DecideAccess
  readonly audit: Pick<CustodyAudit, 'append'>
  readonly system: () => SystemState
  /** undefined: nobody who is known. @param token '' when none is shown */
  callerOf(token: string): ApiCaller | undefined
  /** Whether somebody is there to read the answer. */
  isWaitedFor(): boolean
  /** Told what is a bug of ours. */
  readonly onBug: (error: unknown) => void
}

/** Of a body; in base64 and with others beside it, the largest text fits (`wire/transit-text.ts`). */
const BODY_BYTES_MAX = 1024 * 1024
/** Operations that are about no key, or all of them, are about it. */
const NO_KEY = '*'
/** Of Vault's fields those that would change what an answer means: not served, so refused. */
const UNSERVED_FIELDS = ['x-vault-namespace', 'x-vault-wrap-ttl', 'x-vault-mfa']

/** For one connection. */
export function apiRequests(options: ApiRequestsOptions): HttpHandler {
  const admit = (head: RequestHead): HttpAnswer | { readonly bodyBytesMax: number } => {
    const { path } = targetOf(head)
    const system = systemAnswer(head.method, path, options.system)
    if (system !== undefined) return { status: system.status, body: JSON.stringify(system.body) }
    const unserved = UNSERVED_FIELDS.find((name) => head.field(name) !== '')
    if (unserved !== undefined) return errors(400, [`${unserved} is not supported`])
    return callerAt(options, head) === undefined
      ? errors(403, ['permission denied'])
      : { bodyBytesMax: BODY_BYTES_MAX }
  }
  return {
    admit,
    refuse: (status, text) => errors(status, [text]),
    async handle(head, body) {
      const caller = callerAt(options, head)
      // The certificate has ended meanwhile.
      if (caller === undefined) return errors(403, ['permission denied'])
      try {
        return await answer(options, caller, head, body)
      } catch (error) {
        options.onBug(error)
        return errors(500, ['internal error'])
      }
    },
  }
}

function callerAt({ callerOf }: ApiRequestsOptions, head: RequestHead): ApiCaller | undefined {
  const token = head.field('x-vault-token')
  const authorization = head.field('authorization')
  const bearer = authorization && /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  // Two of them, or what is no bearer's: whose request it is cannot be told.
  if (token === undefined || authorization === undefined) return undefined
  if (authorization !== '' && (bearer === undefined || token !== '')) return undefined
  return callerOf(bearer || token)
}

async function answer(
  options: ApiRequestsOptions,
  caller: ApiCaller,
  head: RequestHead,
  body: Uint8Array,
): Promise<HttpAnswer> {
  const { path, wantsList } = targetOf(head)
  const route = findRoute(head.method, path, wantsList)
  if (route.kind === 'no-path') {
    return errors(404, ['no handler for this route. route entry not found.'])
  }
  if (route.kind === 'no-verb') return errors(405, ['unsupported operation'])
  const name = route.fields['name'] ?? ''
  const { operation } = route.action
  const who = `${caller.role}/${caller.id}`
  const notRead = (why: string): HttpAnswer => {
    const key = KEY_NAME.test(name) ? name : NO_KEY
    options.audit.append({ caller: who, key, operation, result: 'input' })
    return errors(400, [why])
  }
  if (route.fields['name'] !== undefined && !KEY_NAME.test(name)) {
    return notRead('name: is no name of a key')
  }
  const fields = fieldsOf(body, route.fields)
  if (fields === undefined) {
    return notRead('the body is no JSON object, or contradicts the path')
  }
  const keyName = name === '' ? NO_KEY : name
  const again = (): AccessDecision => {
    const now = options.world.clock.now()
    return options.decide({ caller, keyName, operation, now })
  }
  const decision = again()
  const asked: Asked = { fields, again, isWaitedFor: () => options.isWaitedFor() }
  const answered =
    decision.kind === 'allowed'
      ? await perform(options, route.action, asked)
      : decision.code === 'rate'
        ? { status: 429, errors: ['rate limit exceeded'] }
        : { status: 403, errors: ['permission denied'] }
  const result = decision.kind === 'allowed' ? resultOf(answered) : decision.code
  const { items } = answered
  options.audit.append({
    ...{ caller: who, key: keyName, operation, result },
    ...(items === undefined ? {} : { detail: { items: items.asked, failed: items.failed } }),
  })
  return bodyOf(answered)
}

/** What goes wrong is an answer, so that it is written down, too. */
async function perform(
  { world, onBug }: ApiRequestsOptions,
  { endpoint }: Action,
  asked: Asked,
): Promise<Answer> {
  try {
    return await endpoint(world, asked)
  } catch (error) {
    onBug(error)
    const isBusy = error instanceof LimenError && error.retry
    return { status: isBusy ? 503 : 500, errors: ['internal error'] }
  }
}

/** As audit logs of custody say it. */
function resultOf({ status }: Answer): string {
  if (status < 300) return 'done'
  if (status === 404) return 'missing'
  if (status === 429) return 'rate'
  if (status === 503) return 'unavailable'
  return status >= 500 ? 'failed' : status === 403 ? 'refused' : 'input'
}

function bodyOf({ status, data, errors: words, warnings = [] }: Answer): HttpAnswer {
  if (words !== undefined) return errors(status, words)
  if (data === undefined) return { status, body: undefined }
  const body = JSON.stringify({
    ...{ request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0 },
    ...{ data, wrap_info: null, warnings: warnings.length > 0 ? warnings : null },
    ...{ auth: null, mount_type: 'transit' },
  })
  return { status, body }
}

function errors(status: number, words: readonly string[]): HttpAnswer {
  return { status, body: JSON.stringify({ errors: words }) }
}

function targetOf({ target }: RequestHead): { readonly path: string; readonly wantsList: boolean } {
  const [path = '', query = ''] = target.split('?', 2)
  const wantsList = /^(?:true|1)$/.test(new URLSearchParams(query).get('list') ?? '')
  return { path, wantsList }
}

/** Of the body, then of the path, which counts. undefined: no JSON object, or one that contradicts the path. */
function fieldsOf(
  body: Uint8Array,
  path: Readonly<Record<string, string>>,
): Record<string, unknown> | undefined {
  let value: unknown = {}
  try {
    if (body.length > 0) value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
  // Some clients send `null` where there is nothing to say.
  if (value === null) return { ...path }
  if (typeof value !== 'object' || Array.isArray(value)) return undefined
  for (const [name, segment] of Object.entries(path)) {
    const own = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : segment
    // An object may have a `toString` of its own.
    const isWord = typeof own === 'string' || typeof own === 'number'
    if (!isWord || String(own) !== segment) return undefined
  }
  return { ...value, ...path }
}
