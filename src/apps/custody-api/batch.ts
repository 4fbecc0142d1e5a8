/**
 * One operation, or many of a kind in one request (`batch_input`): of many each has its own result or error, in the order they came. They are
 * worked on a few at a time, and other requests get their turn between them.
 *
 * @module
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import type { Answer, ApiWorld, Asked, Endpoint } from './endpoint.ts'
import { type Outcome, type Refused, refusalOf, refused } from './outcome.ts'
import { BATCH_FIELDS, complaintOf } from './request-fields.ts'

type Fields = Readonly<Record<string, unknown>>

export interface BatchedOperation<T> {
  readonly fields: z.ZodType<T>
  /** Names of fields that stand before a batch and hold for all its items; besides `name`. */
  readonly common: readonly string[]
  /** Of a request some of whose items have failed. Vault's encryption says 400, its signatures 200. */
  readonly partialStatus: 200 | 400
  run(world: ApiWorld, item: T): Promise<Outcome<Fields>>
}

/** At once; a node does one after the other. */
const ITEMS_AT_ONCE = 8

export function batched<T>(operation: BatchedOperation<T>): Endpoint {
  return async (world, asked) => {
    if (asked.fields['batch_input'] === undefined) {
      const outcome = await runItem(operation, world, asked.fields)
      return outcome.kind === 'done'
        ? { status: 200, data: outcome.value }
        : { status: outcome.status, errors: [outcome.why] }
    }
    return await runBatch(operation, world, asked)
  }
}

async function runItem<T>(
  { fields, run }: BatchedOperation<T>,
  world: ApiWorld,
  item: Fields,
): Promise<Outcome<Fields>> {
  const read = fields.safeParse(item)
  if (!read.success) return refused(400, complaintOf(read.error))
  try {
    return await run(world, read.data)
  } catch (error) {
    return refusalOf(error, world.tell)
  }
}

async function runBatch<T>(
  operation: BatchedOperation<T>,
  world: ApiWorld,
  asked: Asked,
): Promise<Answer> {
  const { batch_input: _items, partial_failure_response_code: _code, ...common } = asked.fields
  const schema = z.object(BATCH_FIELDS).safeParse(asked.fields)
  if (!schema.success) return { status: 400, errors: [complaintOf(schema.error)] }
  const strange = Object.keys(common).filter(
    (name) => name !== 'name' && !operation.common.includes(name),
  )
  if (strange.length > 0) {
    return { status: 400, errors: [`not with batch_input: ${strange.join(', ').slice(0, 200)}`] }
  }
  const { batch_input: items, partial_failure_response_code: partial } = schema.data
  const outcomes = await inTurns(items, async (item, i) => {
    if (!asked.isWaitedFor()) return refused(400, 'nobody waits for the answer')
    const access = i === 0 ? ({ kind: 'allowed' } as const) : asked.again()
    if (access.kind === 'refused') {
      return access.code === 'rate'
        ? refused(429, 'rate limit exceeded')
        : refused(403, 'permission denied')
    }
    if (item['name'] !== undefined) return refused(400, 'name: is not of an item')
    return await runItem(operation, world, { ...common, ...item })
  })
  const failures = outcomes.filter((one): one is Refused => one.kind === 'refused')
  const status = statusOf(operation.partialStatus, items.length, failures, partial)
  const data = { batch_results: outcomes.map((one, i) => resultOf(one, items[i] ?? {})) }
  return { status, data, items: { asked: items.length, failed: failures.length } }
}

/** Of a failure of ours its own, whatever the others are. */
function statusOf(
  partialStatus: number,
  items: number,
  failures: readonly Refused[],
  partial: number | undefined,
): number {
  if (failures.length === 0) return 200
  const worst = Math.max(...failures.map(({ status }) => status))
  if (failures.length === items) return worst >= 500 ? worst : partialStatus
  return partial ?? (worst >= 500 ? worst : partialStatus)
}

function resultOf(outcome: Outcome<Fields>, { reference }: Fields): Fields {
  const result = outcome.kind === 'done' ? outcome.value : { error: outcome.why }
  return typeof reference === 'string' ? { ...result, reference: reference.slice(0, 256) } : result
}

async function inTurns<I, O>(
  items: readonly I[],
  work: (item: I, i: number) => Promise<O>,
): Promise<O[]> {
  const results: O[] = []
  const left = items.entries()
  const worker = async (): Promise<void> => {
    for (const [i, item] of left) {
      await nextTurn()
      results[i] = await work(item, i)
    }
  }
  await Promise.all(Array.from({ length: ITEMS_AT_ONCE }, worker))
  return results
}
