import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { ReplayAsk } from '../../ports/data-plane.ts'
import type { ReplayMet } from '../../ports/replay-scope.ts'
import { ReplayDesk } from './replay-desk.ts'
import type { FromWorker } from './worker-messages.ts'
import { workerReplay } from './worker-replay.ts'

const NOW = 1_795_000_000
const ask = (nonce: string, scope: ReplayAsk['scope'] = 'edge'): ReplayAsk => ({
  ...{ scope, session: 'session', nonce },
})

/** Workers at one desk. */
const office = (workers: number) => {
  let now = NOW
  const desk = new ReplayDesk(() => now, systemRandom())
  const messages: FromWorker[] = []
  const replays = Array.from({ length: workers }, () => {
    const replay = workerReplay((message) => {
      messages.push(message)
      if (message.kind !== 'replay-asks') return
      const { batch, scope, proofs } = message
      void desk.answer(scope, proofs).then((letters) => replay.answered(batch, letters))
    }, workers > 1)
    return replay
  })
  const pass = (seconds: number): void => {
    now += seconds
  }
  return { desk, messages, replays, pass }
}

describe('a proof of an unsafe request', () => {
  it('is fresh once, at whichever worker', async () => {
    const { replays } = office(2)
    const [one, other] = replays
    const met = await Promise.all([one?.meet(ask('a')), other?.meet(ask('a')), one?.meet(ask('b'))])
    assert.deepEqual(met, ['fresh', 'replay', 'fresh'])
    assert.equal(await other?.meet(ask('b')), 'replay')
  })

  it('is asked about with all others of that moment, by scope', async () => {
    const { replays, messages } = office(1)
    const nonces = Array.from({ length: 100 }, (_, i) => `n${i}`)
    await Promise.all(nonces.map((nonce) => replays[0]?.meet(ask(nonce))))
    assert.equal(messages.length, 1)
    await Promise.all([replays[0]?.meet(ask('x')), replays[0]?.meet(ask('x', 'owner'))])
    assert.equal(messages.length, 3)
  })

  it('is asked about elsewhere when its scope is wider, and new here', async () => {
    const { desk, replays } = office(1)
    const asked: ReplayAsk[] = []
    const says: ReplayMet[] = ['fresh', 'replay', 'failed']
    const stop = desk.listen(async (one) => {
      asked.push(one)
      const met = says.shift()
      if (met === undefined) throw new Error('nobody there')
      return met
    })
    const meet = (nonce: string, scope: ReplayAsk['scope']) => replays[0]?.meet(ask(nonce, scope))
    assert.equal(await meet('a', 'cluster'), 'fresh')
    assert.equal(await meet('a', 'cluster'), 'replay', 'known here')
    assert.equal(await meet('b', 'owner'), 'replay')
    assert.equal(await meet('c', 'owner'), 'failed')
    assert.equal(await meet('d', 'owner'), 'failed', 'who rejects has failed')
    assert.equal(await meet('e', 'edge'), 'fresh')
    assert.deepEqual(
      asked.map(({ scope, session, nonce }) => [scope, session, nonce]),
      [
        ['cluster', 'session', 'a'],
        ['owner', 'session', 'b'],
        ['owner', 'session', 'c'],
        ['owner', 'session', 'd'],
      ],
    )
    assert.throws(() => desk.listen(async () => 'fresh'), TypeError)
    stop()
    assert.equal(await meet('f', 'owner'), 'fresh', "then this edge's own word is the last")
  })

  it('fails when the supervisor says nothing', async () => {
    const replay = workerReplay(() => {}, false)
    // Its own timer keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    assert.equal(await replay.meet(ask('a')), 'failed')
    clearInterval(alive)
    replay.answered(1, 'f')
  })
})

describe('a proof of a safe request', () => {
  it('is told to the neighbours in batches', async () => {
    const { replays, messages } = office(2)
    for (const proof of ['a', 'b', 'c']) replays[0]?.saw(proof)
    while (messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(messages, [{ kind: 'proofs-seen', proofs: 'a b c' }])
  })

  it('is told at once when there are many, and to nobody when nobody is there', () => {
    const { replays, messages } = office(2)
    for (let i = 0; i < 1024; i++) replays[0]?.saw(`p${i}`)
    assert.equal(messages.length, 1)
    const alone = office(1)
    for (let i = 0; i < 1024; i++) alone.replays[0]?.saw(`p${i}`)
    assert.equal(alone.messages.length, 0)
  })
})
