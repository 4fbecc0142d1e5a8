import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyRotation, type KeyRotationOptions, type RotationAction } from './key-rotation.ts'

const SEED = 43_115_891
const DEVICE = 'camera-1'

function rotation(change: Partial<KeyRotationOptions> = {}): KeyRotation {
  let epoch = 0
  return new KeyRotation({
    ...{ device: DEVICE, transports: ['t1', 't2'], quarantine: true, graceMs: 300 },
    nextEpoch: () => ++epoch,
    ...change,
  })
}
const inShort = (actions: readonly RotationAction[]) =>
  actions.map((action) =>
    action.kind === 'order'
      ? `${action.order} ${action.epoch} ${action.to}`
      : action.kind === 'changed'
        ? `changed ${action.epoch} ${action.reason} ${action.tookMs}`
        : `failed ${action.step} ${action.silent} ${action.quarantined}`,
  )

/** To the end, everybody answering at once. */
function rotateOnce(one: KeyRotation, epoch: number, now: number): void {
  one.want('hand', now)
  for (const party of ['t1', 't2', DEVICE, DEVICE]) one.acked(party, epoch, now)
  one.seen(epoch, now)
  one.due(now + 300)
  for (const party of ['t1', 't2', DEVICE]) one.acked(party, epoch - 1, now + 300)
  assert.equal(one.step, 'idle')
}

describe('KeyRotation', () => {
  it('makes before it breaks', () => {
    const one = rotation()
    rotateOnce(one, 1, 0)
    assert.equal(one.epoch, 1)
    assert.deepEqual(inShort(one.want('time', 1000)), ['install 2 t1', 'install 2 t2'])
    assert.deepEqual(inShort(one.acked('t1', 2, 1010)), [])
    assert.deepEqual(inShort(one.acked('t1', 2, 1010)), [])
    assert.deepEqual(inShort(one.acked('t2', 2, 1020)), [`install 2 ${DEVICE}`])
    assert.deepEqual(inShort(one.acked(DEVICE, 2, 1030)), [`activate 2 ${DEVICE}`])
    assert.deepEqual(inShort(one.acked(DEVICE, 2, 1040)), [])
    assert.equal(one.epoch, 1)
    assert.deepEqual(inShort(one.seen(2, 1050)), ['changed 2 time 50'])
    assert.deepEqual(inShort(one.due(1349)), [])
    assert.deepEqual(one.want('hand', 1340), [])
    const retired = ['retire 1 t1', 'retire 1 t2', `retire 1 ${DEVICE}`]
    assert.deepEqual(inShort(one.due(1350)), retired)
    for (const party of ['t1', 't2']) assert.deepEqual(one.acked(party, 1, 1360), [])
    // What was wanted after the change is one more.
    assert.deepEqual(inShort(one.acked(DEVICE, 1, 1360)), ['install 3 t1', 'install 3 t2'])
    // What is wanted before it is this one.
    assert.deepEqual(one.want('hand', 1370), [])
    for (const party of ['t1', 't2', DEVICE, DEVICE]) one.acked(party, 3, 1380)
    one.seen(3, 1380)
    one.due(1680)
    for (const party of ['t1', 't2', DEVICE]) assert.deepEqual(one.acked(party, 2, 1690), [])
    assert.equal(one.step, 'idle')
    assert.equal(one.dueAt, Number.POSITIVE_INFINITY)
  })

  it('orders again after 0.5, 1, 2 and 4 seconds who did not answer, then gives up and keeps the old epoch', () => {
    const one = rotation()
    rotateOnce(one, 1, 0)
    one.want('time', 1000)
    one.acked('t1', 2, 1001)
    const at = [1500, 2500, 4500]
    for (const now of at) {
      assert.deepEqual(inShort(one.due(now - 1)), [])
      assert.deepEqual(inShort(one.due(now)), ['install 2 t2'])
    }
    assert.deepEqual(inShort(one.due(8500)), ['failed transports t2 false'])
    assert.equal(one.epoch, 1)
    assert.deepEqual(inShort(one.acked('t2', 2, 9000)), [])
    // What was left is cleared up by the next one.
    one.want('time', 10_000)
    for (const party of ['t1', 't2', DEVICE, DEVICE]) one.acked(party, 3, 10_000)
    one.seen(3, 10_000)
    const retired = [`retire 1 ${DEVICE}`, 'retire 1 t1', 'retire 1 t2', 'retire 2 t1']
    assert.deepEqual(inShort(one.due(10_300)).sort(), [...retired, 'retire 2 t2'])
    // Who may never have heard of it is told once, and not waited for.
    assert.deepEqual(inShort(one.due(10_800)).sort(), retired)
  })

  it('takes nothing more from a device that does not follow when somebody else may have its key', () => {
    const one = rotation()
    rotateOnce(one, 1, 0)
    one.want('time', 1000)
    assert.deepEqual(one.want('anomaly', 1000), [])
    for (const party of ['t1', 't2']) one.acked(party, 2, 1000)
    for (const now of [1500, 2500, 4500]) one.due(now)
    assert.deepEqual(inShort(one.due(8500)), [
      ...[`failed device ${DEVICE} true`, 'retire 1 t1', 'retire 1 t2'],
      ...['retire 2 t1', 'retire 2 t2'],
    ])
    assert.equal(one.epoch, undefined)
    assert.equal(one.step, 'idle')
  })

  it('gives no grace when somebody else may have the key', () => {
    const one = rotation()
    rotateOnce(one, 1, 0)
    one.want('anomaly', 1000)
    for (const party of ['t1', 't2', DEVICE, DEVICE]) one.acked(party, 2, 1000)
    const [changed, ...retired] = inShort(one.seen(2, 1000))
    assert.equal(changed, 'changed 2 anomaly 0')
    assert.equal(retired.length, 3)
  })

  it('goes on when the first packet overtakes the answer, or no packet comes for ten seconds', () => {
    const early = rotation()
    early.want('hand', 0)
    for (const party of ['t1', 't2', DEVICE]) early.acked(party, 1, 0)
    assert.deepEqual(inShort(early.seen(1, 5)), ['changed 1 hand 5'])
    const late = rotation()
    late.want('hand', 0)
    for (const party of ['t1', 't2', DEVICE, DEVICE]) late.acked(party, 1, 0)
    assert.deepEqual(inShort(late.due(9_999)), [])
    assert.deepEqual(inShort(late.due(10_000)), ['changed 1 hand 10000'])
  })

  it('begins again when a party began anew, and orders it nothing about keys it lost', () => {
    const one = rotation()
    rotateOnce(one, 1, 0)
    assert.deepEqual(inShort(one.began(DEVICE, 1000)), ['install 2 t1', 'install 2 t2'])
    assert.deepEqual(one.want('time', 1001), [])
    for (const party of ['t1', 't2', DEVICE]) one.acked(party, 2, 1002)
    assert.deepEqual(inShort(one.began(DEVICE, 1003)), ['install 3 t1', 'install 3 t2'])
    for (const party of ['t1', 't2', DEVICE, DEVICE]) one.acked(party, 3, 1004)
    one.seen(3, 1005)
    assert.deepEqual(inShort(one.due(1305)), [
      ...['retire 1 t1', 'retire 1 t2', 'retire 2 t1', 'retire 2 t2'],
    ])
  })

  it('stops a device at once', () => {
    const one = rotation()
    rotateOnce(one, 1, 0)
    assert.deepEqual(inShort(one.panic()), [`panic 1 ${DEVICE}`, 'retire 1 t1', 'retire 1 t2'])
    assert.equal(one.epoch, undefined)
    // Who wants it back has to say so.
    assert.deepEqual(one.began(DEVICE, 5), [])
    for (const reason of ['time', 'hand', 'anomaly'] as const) {
      assert.deepEqual(one.want(reason, 6), [])
    }
    one.resume()
    assert.deepEqual(inShort(one.want('hand', 10)), ['install 2 t1', 'install 2 t2'])
  })

  it('whatever comes: a device sends only under epochs that all transports have', () => {
    const event = fc.oneof(
      fc
        .constantFrom('time', 'hand', 'anomaly', 'seen', 'began')
        .map((kind) => ({ kind, size: 0 })),
      fc.nat(5000).map((size) => ({ kind: 'wait', size })),
      fc.nat().map((size) => ({ kind: 'answer', size })),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const world = new World()
        for (const { kind, size } of events) world.meet(kind, size)
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})

/** Parties that do what they are ordered, in any order and late. */
class World {
  readonly #rotation = rotation()
  readonly #held = new Map(['t1', 't2', DEVICE].map((to) => [to, new Set<number>()]))
  #orders: RotationAction[] = []
  #sending: number | undefined
  #now = 0

  meet(kind: string, size: number): void {
    const order =
      kind === 'answer' ? this.#orders[size % Math.max(1, this.#orders.length)] : undefined
    if (kind === 'wait') this.#now += size
    if (kind === 'began') {
      this.#held.get(DEVICE)?.clear()
      this.#sending = undefined
    }
    const more = order === undefined ? this.#told(kind) : this.#obey(order)
    this.#orders = [...this.#orders.filter((one) => one !== order), ...more].filter(
      (action) => action.kind === 'order',
    )
    // Quarantined: nothing is to be taken.
    if (this.#sending === undefined || this.#rotation.epoch === undefined) return
    for (const to of ['t1', 't2']) assert.ok(this.#held.get(to)?.has(this.#sending), to)
  }

  #told(kind: string): RotationAction[] {
    const [one, now] = [this.#rotation, this.#now]
    if (kind === 'wait') return one.due(now)
    if (kind === 'began') return one.began(DEVICE, now)
    if (kind === 'seen') return this.#sending === undefined ? [] : one.seen(this.#sending, now)
    return kind === 'answer' ? [] : one.want(kind as 'time', now)
  }

  #obey(action: RotationAction): RotationAction[] {
    if (action.kind !== 'order') return []
    const { order, to, epoch } = action
    const held = this.#held.get(to)
    if (order === 'install') held?.add(epoch)
    if (order === 'retire') held?.delete(epoch)
    if (order === 'activate' && held?.has(epoch)) this.#sending = epoch
    return this.#rotation.acked(to, epoch, this.#now)
  }
}
