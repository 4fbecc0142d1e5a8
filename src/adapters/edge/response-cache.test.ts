import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { StorableResponse } from '../../wire/shared-cache.ts'
import type { OctetAnswer } from './answer.ts'
import { type CacheQuestion, type Filling, ResponseCache } from './response-cache.ts'

const PAGE: StorableResponse = { freshS: 60, ageS: 0, isPublic: true, etag: '"a"' }
const LINES = ['Content-Type: text/plain', 'ETag: "a"', 'Date: x']

function opened(change: { bytesMax?: number; secondsMax?: number } = {}) {
  let now = 0
  const results: string[] = []
  const later: (() => void)[] = []
  const settings = { bytesMax: 100_000, secondsMax: 10, ...change }
  const cache = new ResponseCache(settings, {
    now: () => now,
    later: (then) => later.push(then),
    bodyBytesMax: 50_000,
    onResult: (result) => results.push(result),
  })
  /** Asks, and says what it was told: nothing while it waits. */
  const ask = (change: Partial<CacheQuestion> = {}) => {
    const told: {
      answer?: OctetAnswer
      filling?: Filling
      isOn: boolean
      isGone: boolean
      onAt: number
    } = {
      ...{ isOn: false, isGone: false, onAt: 0 },
    }
    const question: CacheQuestion = {
      ...{ method: 'GET', secure: true, port: 443, host: 'a.example', target: '/' },
      ...{ lines: 'Host: a.example\r\n', tier: 1, ...change },
    }
    cache.ask(question, {
      waits: () => !told.isGone && !told.isOn && told.answer === undefined,
      answer: (answer) => {
        assert.ok(!told.isOn && told.answer === undefined)
        told.answer = answer
      },
      goOn: (filling) => {
        assert.ok(!told.isOn && told.answer === undefined)
        told.isOn = true
        told.onAt = now
        if (filling !== undefined) told.filling = filling
      },
    })
    return told
  }
  const settle = () => {
    while (later.length > 0) for (const then of later.splice(0)) then()
  }
  const fill = (change: Partial<CacheQuestion> = {}, body = 'body', page = PAGE) => {
    const { filling = assert.fail('nothing is asked for') } = ask(change)
    assert.ok(filling.hold(body.length))
    filling.store(page, LINES, Buffer.from(body))
    settle()
  }
  const isKept = (change: Partial<CacheQuestion> = {}) => {
    const told = ask(change)
    settle()
    told.filling?.drop()
    return told.answer !== undefined
  }
  const pass = (ms: number) => {
    now += ms
    cache.sweep(now)
    settle()
  }
  return { cache, ask, fill, isKept, settle, pass, results, now: () => now }
}

const SEED = 3111
const kinds = fc.constantFrom(
  'ask',
  'ask',
  'ask',
  'store',
  'store',
  'refuse',
  'drop',
  'pass',
  'leave',
  'purge',
)
const step = fc.record({ kind: kinds, n: fc.nat(1500) })

interface Asked {
  readonly target: string
  readonly told: ReturnType<ReturnType<typeof opened>['ask']>
  isSeen: boolean
}

/** Steps in any order, on three targets; answers say what they are of, and when they were asked for. */
class Play {
  readonly open = opened({ bytesMax: 3000, secondsMax: 2 })
  readonly #asked: Asked[] = []
  #purgedAt = -1
  answered = 0

  take({ kind, n }: { readonly kind: string; readonly n: number }): void {
    const { ask, pass, settle } = this.open
    const one = this.#asked[n % Math.max(1, this.#asked.length)]
    if (kind === 'ask') {
      const target = `/${n % 3}`
      this.#asked.push({ target, told: ask({ target }), isSeen: false })
    } else if (kind === 'pass') pass(n)
    else if (kind === 'purge') this.#purge()
    else if (one !== undefined) this.#end(one, kind)
    settle()
    this.look()
  }

  #purge(): void {
    const { cache, now, pass, settle } = this.open
    settle()
    this.look()
    cache.purge({})
    this.#purgedAt = now()
    // What is asked for from here on is told apart.
    pass(1)
  }

  #end({ target, told }: Asked, kind: string): void {
    const { filling } = told
    if (kind === 'leave') told.isGone = true
    else if (kind === 'refuse') filling?.refuse()
    else if (kind === 'drop') filling?.drop()
    else {
      const body = Buffer.from(`${target} ${told.onAt} `.padEnd(600))
      if (filling?.hold(body.length)) filling.store(PAGE, LINES, body)
      else filling?.refuse()
    }
  }

  look(): void {
    const { cache, now } = this.open
    for (const one of this.#asked) {
      if (one.told.answer === undefined || one.isSeen) continue
      one.isSeen = true
      this.answered++
      const [target = '', at = ''] = one.told.answer.body.toString().split(' ')
      assert.equal(target, one.target)
      assert.ok(now() - Number(at) < 2000, `${now()} ${at}`)
      assert.ok(Number(at) > this.#purgedAt, `${at} ${this.#purgedAt}`)
    }
    assert.ok(cache.bytes <= 3000)
  }

  /** No server answers any more. */
  finish(): void {
    const { pass, settle } = this.open
    for (const _ of this.#asked) {
      for (const { told } of this.#asked) told.filling?.drop()
      settle()
    }
    pass(1000)
    this.look()
    for (const { told } of this.#asked) {
      assert.ok(told.isGone || told.isOn || told.answer !== undefined)
    }
  }
}

describe('ResponseCache', () => {
  it('tells all who ask, once, nothing stale, of another or purged, whatever comes when', () => {
    let answered = 0
    const plays = fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      const play = new Play()
      for (const one of steps) play.take(one)
      play.finish()
      answered += play.answered
    })
    fc.assert(plays, { seed: SEED, numRuns: 1000 })
    assert.ok(answered > 1000, `${answered}`)
  })

  it('answers what was asked for, to the octet, and nothing like it', () => {
    const { fill, isKept } = opened()
    fill()
    assert.ok(isKept())
    for (const other of [
      ...[{ host: 'A.example' }, { host: 'a.example:443' }, { target: '/?' }, { secure: false }],
      ...[{ port: 8443 }, { lines: 'Accept-Encoding: gzip\r\n' }, { method: 'POST' }],
      ...([{ tier: 2 }, { tier: 3 }, { lines: 'X-Any: 1\r\n' }] as const),
    ]) {
      assert.equal(isKept(other), false, JSON.stringify(other))
    }
  })

  it('answers with the values it was given, to the octet', () => {
    const { ask, settle } = opened()
    const { filling = assert.fail('nothing is asked for') } = ask()
    filling.store(PAGE, ['X-Name: \xa0caf\xe9\xa0 ', 'ETag:"a"'], Buffer.from('body'))
    const told = ask()
    settle()
    assert.deepEqual(told.answer?.fields, [
      ['X-Name', '\xa0caf\xe9\xa0'],
      ['ETag', '"a"'],
      ['Age', '0'],
    ])
  })

  it('never answers within the call that asks', () => {
    const { fill, ask, settle } = opened()
    fill()
    const told = ask()
    assert.equal(Object.hasOwn(told, 'answer'), false)
    settle()
    assert.equal(told.answer?.status, 200)
    const gone = ask()
    gone.isGone = true
    settle()
    assert.equal(gone.answer, undefined)
  })

  it('forgets what is stale: by the server, or by the settings', () => {
    const { fill, isKept, pass, ask, settle } = opened()
    fill({}, 'body', { ...PAGE, ageS: 5 })
    pass(9_999)
    const told = ask()
    settle()
    assert.deepEqual(told.answer?.fields.at(-1), ['Age', '14'])
    pass(1)
    assert.equal(isKept(), false)
    fill({ target: '/soon' }, 'body', { ...PAGE, freshS: 2 })
    pass(2000)
    assert.equal(isKept({ target: '/soon' }), false)
  })

  it('says 304 to who has it, with no more than a 304 has', () => {
    const { fill, ask, settle } = opened()
    fill()
    const told = ask({ lines: 'If-None-Match: W/"a"\r\n' })
    settle()
    assert.equal(told.answer?.status, 304)
    assert.deepEqual(told.answer.fields, [
      ['ETag', '"a"'],
      ['Date', 'x'],
      ['Age', '0'],
    ])
    assert.equal(told.answer.body.length, 0)
  })

  it('serves who is known what is public only', () => {
    const { fill, isKept } = opened()
    fill({}, 'body', { ...PAGE, isPublic: false })
    assert.ok(isKept())
    assert.equal(isKept({ lines: 'Cookie: a=b\r\n' }), false)
  })

  it('lets a crowd wait for one answer', () => {
    const { ask, settle, results } = opened()
    const first = ask()
    const others = [ask(), ask(), ask({ method: 'HEAD' })]
    assert.deepEqual(
      others.map(({ isOn }) => isOn),
      [false, false, true],
    )
    first.filling?.store(PAGE, LINES, Buffer.from('x'))
    settle()
    assert.deepEqual(
      others.map(({ answer }) => answer?.status),
      [200, 200, undefined],
    )
    assert.deepEqual(results, ['miss', 'miss', 'collapsed', 'collapsed'])
  })

  it('gives the next a try when the first breaks off', () => {
    const { ask, settle } = opened()
    const first = ask()
    const others = [ask(), ask()]
    first.filling?.drop()
    settle()
    assert.deepEqual(
      others.map(({ isOn }) => isOn),
      [true, false],
    )
    others[0]?.filling?.store(PAGE, LINES, Buffer.from('x'))
    // The first word counts.
    first.filling?.store(PAGE, LINES, Buffer.from('late'))
    settle()
    assert.equal(others[1]?.answer?.body.toString(), 'x')
  })

  it('lets nobody wait for what is not kept, for a while, nor for longer than a second', () => {
    const { ask, settle, pass } = opened()
    const first = ask()
    const second = ask()
    first.filling?.refuse()
    settle()
    assert.deepEqual([second.isOn, ask().isOn, ask().isOn], [true, true, true])
    pass(5_000)
    const slow = ask()
    const waits = ask()
    pass(999)
    assert.equal(waits.isOn, false)
    pass(1)
    assert.deepEqual([waits.isOn, ask().isOn], [true, true])
    slow.filling?.store(PAGE, LINES, Buffer.from('x'))
    const told = ask()
    settle()
    assert.equal(told.answer?.status, 200)
  })

  it('keeps no more octets than it may, the least lately used go first', () => {
    const { cache, fill, isKept, ask } = opened({ bytesMax: 10_000 })
    const body = 'x'.repeat(3000)
    for (const target of ['/1', '/2']) fill({ target }, body)
    assert.ok(isKept({ target: '/1' }))
    fill({ target: '/3' }, body)
    assert.deepEqual(
      ['/1', '/2', '/3'].map((target) => isKept({ target })),
      [true, false, true],
    )
    assert.ok(cache.bytes <= 10_000)
    const { filling } = ask({ target: '/4' })
    assert.equal(filling?.hold(10_001), false)
    assert.equal(filling?.hold(9_000), true)
    // What is on its way counts as well, until it is there or not.
    const other = ask({ target: '/5' }).filling
    assert.equal(other?.hold(1_001), false)
    filling?.drop()
    assert.equal(other?.hold(1_001), true)
  })

  it('forgets what is purged, and what was asked for before', () => {
    const { cache, fill, isKept, ask } = opened()
    fill({ target: '/a/1' })
    fill({ target: '/b' })
    fill({ target: '/a/1', host: 'b.example:8443' })
    const { filling } = ask({ target: '/a/2' })
    cache.purge({ host: 'b.example' })
    assert.equal(isKept({ target: '/a/1', host: 'b.example:8443' }), false)
    filling?.store(PAGE, LINES, Buffer.from('x'))
    assert.equal(isKept({ target: '/a/2' }), false)
    cache.purge({ path: '/a/' })
    assert.deepEqual([isKept({ target: '/a/1' }), isKept({ target: '/b' })], [false, true])
    cache.purge({})
    assert.equal(isKept({ target: '/b' }), false)
    assert.equal(cache.bytes, 0)
  })
})
