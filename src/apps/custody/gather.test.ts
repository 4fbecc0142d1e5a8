import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gather } from './gather.ts'

const NEVER = new Promise<undefined>(() => undefined)
const NO_HEDGE = 60_000

/** Who was asked, in turn, and what came of it. */
async function gathered(
  need: number,
  ask: (holder: string) => Promise<string | undefined>,
  { hedgeMs = NO_HEDGE, deadlineMs = NO_HEDGE, mayHedge = (): boolean => true } = {},
) {
  const asked: string[] = []
  const answers = await gather({
    ...{ candidates: ['a', 'b', 'c', 'd'], need, deadlineMs },
    hedgeMs: () => hedgeMs,
    mayHedge,
    ask: (holder) => {
      asked.push(holder)
      return ask(holder)
    },
  })
  return { asked: asked.join(''), answers: answers.join('') }
}

describe('gather()', () => {
  it('asks as many as are needed', async () => {
    const got = await gathered(3, async (holder) => holder)
    assert.deepEqual(got, { asked: 'abc', answers: 'abc' })
  })

  it('asks another one for each that has nothing', async () => {
    const got = await gathered(2, async (holder) => {
      return holder < 'c' ? undefined : holder
    })
    assert.deepEqual(got, { asked: 'abcd', answers: 'cd' })
  })

  it('asks another one as well when one is slow, and takes who is first', async () => {
    const slow = await gathered(2, (holder) => (holder === 'b' ? NEVER : Promise.resolve(holder)), {
      hedgeMs: 1,
    })
    assert.deepEqual(slow, { asked: 'abc', answers: 'ac' })
    const all = await gathered(1, (holder) => (holder === 'd' ? Promise.resolve('d') : NEVER), {
      hedgeMs: 1,
    })
    assert.deepEqual(all, { asked: 'abcd', answers: 'd' })
    let left = 1
    const few = await gathered(1, () => NEVER, {
      ...{ hedgeMs: 1, deadlineMs: 20 },
      mayHedge: () => left-- > 0,
    })
    assert.deepEqual(few, { asked: 'ab', answers: '' })
  })

  it('fails with who fails', async () => {
    const error = new TypeError('a fault of ours')
    await assert.rejects(
      gathered(2, (holder) => (holder === 'b' ? Promise.reject(error) : NEVER)),
      error,
    )
  })

  it('gives what there is when nobody is left, or the time is over', async () => {
    const few = await gathered(3, async (holder) => (holder < 'c' ? holder : undefined))
    assert.deepEqual(few, { asked: 'abcd', answers: 'ab' })
    const late = await gathered(2, (holder) => (holder === 'a' ? Promise.resolve('a') : NEVER), {
      deadlineMs: 5,
    })
    assert.deepEqual(late, { asked: 'ab', answers: 'a' })
    const none = { candidates: [], need: 1, ask: () => NEVER, hedgeMs: () => 1, deadlineMs: 60_000 }
    assert.deepEqual(await gather(none), [])
  })
})
