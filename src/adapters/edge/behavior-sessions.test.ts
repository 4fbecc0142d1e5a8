import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { systemRandom } from '../node/system-random.ts'
import { BEHAVIOR_COOKIE, BehaviorCookies } from './behavior-cookie.ts'
import { BEHAVIOR_PASS_COOKIE, BehaviorSessions } from './behavior-sessions.ts'
import { type Challenge, PROOF_PATH, ProofsOfWork } from './proof-of-work.ts'

const random = systemRandom()
const KEY = random.bytes(32)
const cookies = new BehaviorCookies(KEY)

interface Meeting {
  readonly target?: string
  readonly cookie?: string
  readonly isDesk?: boolean
  readonly accept?: string
  readonly decision?: string
}

function started(
  change: { requestsPerSecond?: number; work?: number; sessionCookie?: string } = {},
) {
  const met: string[] = []
  let now = 0
  const sessions = new BehaviorSessions(
    { userField: 'limen-user', requestsPerSecond: 0, work: 0, ...change },
    KEY,
    {
      proofs: new ProofsOfWork({ key: KEY, random, wallClock: () => Date.now() }),
      now: () => now,
      onUser: (session, value) => met.push(`${session} ${value}`),
      onAnchored: (session, anchors) => met.push(`${session} over ${anchors.join(' ')}`),
      onPassed: (session) => met.push(`${session} passed`),
    },
  )
  const { session, value } = cookies.issue(random)
  const meet = (more: Meeting = {}) => {
    const { target = '/', cookie = '', isDesk = false, accept = '', decision = '' } = more
    const field = `a=b; ${BEHAVIOR_COOKIE}=${value}; ${cookie}`
    const request = {
      target,
      who: undefined,
      cookies: () => field,
      accept: () => accept,
      decision: () => decision,
      tls: () => 'TLSv1.3',
    }
    return sessions.meet(request, isDesk)
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { sessions, session, met, meet, pass }
}

describe('BehaviorCookies', () => {
  it('knows its own, and nobody else’s', () => {
    const { session, value } = cookies.issue(random)
    assert.equal(cookies.sessionOf(`x=y; ${BEHAVIOR_COOKIE}=${value}`), session)
    assert.equal(new BehaviorCookies(KEY).sessionOf(`${BEHAVIOR_COOKIE}=${value}; z`), session)
    const other = new BehaviorCookies(random.bytes(32))
    assert.equal(other.sessionOf(`${BEHAVIOR_COOKIE}=${value}`), undefined)
    for (const bad of ['', value.slice(1), `${value}A`, `A${value.slice(1)}`, `${value}=`]) {
      if (bad === value) continue
      assert.equal(cookies.sessionOf(`${BEHAVIOR_COOKIE}=${bad}`), undefined, bad)
    }
    const twice = `${BEHAVIOR_COOKIE}=${value}; ${BEHAVIOR_COOKIE}=${value}`
    assert.equal(cookies.sessionOf(twice), undefined)
  })
})

describe('BehaviorSessions', () => {
  it('says nothing of nobody, and the tier of who is known', () => {
    const { sessions, session, meet } = started()
    const nobody = {
      target: '/',
      who: undefined,
      cookies: () => '',
      accept: () => '',
      decision: () => '',
      tls: () => '',
    }
    assert.deepEqual(sessions.meet(nobody, false), {
      ...{ session: undefined, tier: 1, fields: '', answer: undefined },
    })
    assert.equal(meet().fields, 'Limen-Behavior-Tier: 1\r\n')
    sessions.hear([{ session, shown: 3, enforced: 3 }])
    assert.deepEqual([meet().tier, meet().fields], [3, 'Limen-Behavior-Tier: 3\r\n'])
    sessions.hear([{ session, shown: 2, enforced: 1 }])
    assert.deepEqual([meet().tier, meet().fields], [1, 'Limen-Behavior-Tier: 2\r\n'])
    sessions.hear([{ session, shown: 1, enforced: 1 }])
    assert.deepEqual([meet().tier, sessions.tierOf(session)], [1, 1])
    const desk = `Limen-Client-Tls: TLSv1.3\r\nLimen-Session: ${session}\r\n`
    assert.equal(meet({ isDesk: true }).fields, desk)
    assert.equal(sessions.meet(nobody, true).fields, 'Limen-Client-Tls: none\r\n')
  })

  it('goes by the session of the application too: another cookie, or none, is no way out', () => {
    const { sessions, session, met, meet } = started({ sessionCookie: 'sid' })
    assert.equal(meet({ cookie: 'sid=app' }).session, session)
    const anchor = cookies.anchorOf('app')
    assert.deepEqual(met, [`${session} over ${anchor}`])
    meet({ cookie: 'sid=app' })
    assert.equal(met.length, 1)
    sessions.hear([{ session: anchor, shown: 3, enforced: 3 }])
    const { session: fresh, value } = cookies.issue(random)
    const tierOf = (field: string) => {
      const request = {
        target: '/',
        who: undefined,
        cookies: () => field,
        accept: () => '',
        decision: () => '',
      }
      const { tier, session: who } = sessions.meet({ ...request, tls: () => '' }, false)
      return [tier, who]
    }
    assert.deepEqual(tierOf(`sid=app; ${BEHAVIOR_COOKIE}=${value}`), [3, fresh])
    assert.deepEqual(tierOf('sid=app'), [3, anchor])
    assert.deepEqual(tierOf('sid=other'), [1, cookies.anchorOf('other')])
    assert.deepEqual(tierOf('sid='), [1, undefined])
    assert.deepEqual(tierOf('xsid=app'), [1, undefined])
    assert.deepEqual(tierOf(`${BEHAVIOR_COOKIE}=${value}`), [1, fresh])
    for (const spelled of [
      ...[
        'sid=%61pp',
        'sid =app',
        'sid="app"',
        String.raw`sid="\141pp"`,
        'SID=app',
        'sid=app, a=b',
      ],
      ...['sid=other; sid=app', 'sid=app; sid=other', 'a=b sid=app x'],
    ]) {
      assert.equal(tierOf(spelled)[0], 3, spelled)
      assert.equal(tierOf(`${spelled}; ${BEHAVIOR_COOKIE}=${value}`)[0], 3, spelled)
    }
    // It says nothing of what it stands for, and another key makes another.
    assert.match(anchor, /^[A-Za-z0-9_-]{22}$/)
    assert.notEqual(new BehaviorCookies(random.bytes(32)).anchorOf('app'), anchor)
  })

  it('binds a session to all logins it shows, once, and not to what servers would cut of them', () => {
    const { session, met, meet } = started({ sessionCookie: 'sid' })
    const over = (...values: string[]) =>
      `${session} over ${values.map((value) => cookies.anchorOf(value)).join(' ')}`
    meet({ cookie: 'sid=one; sid=%6fne; sid=two,x' })
    assert.deepEqual(met, [over('one', 'two,x')])
    meet({ cookie: 'sid="one"; sid=two,x' })
    assert.equal(met.length, 1)
    meet({ cookie: 'sid=one; sid=three' })
    assert.deepEqual(met.slice(1), [over('one', 'three')])
  })

  it('turns away who shows more logins than are looked at', () => {
    const { meet } = started({ sessionCookie: 'sid' })
    const many = (count: number) => Array.from({ length: count }, (_, i) => `sid=${i}`).join(';')
    assert.equal(meet({ cookie: many(8) }).answer, undefined)
    assert.equal(meet({ cookie: many(9) }).answer?.status, 431)
    assert.equal(started().meet({ cookie: many(9) }).answer, undefined)
  })

  it('goes by the session key before the cookie', () => {
    const { sessions } = started()
    sessions.hear([{ session: 'keyed', shown: 3, enforced: 3 }])
    const request = {
      target: '/',
      who: 'keyed',
      cookies: () => '',
      accept: () => '',
      decision: () => '',
      tls: () => '',
    }
    assert.equal(sessions.meet(request, false).tier, 3)
  })

  it('tells who a user is once, and again when the session was over', () => {
    const { sessions, session, met } = started()
    sessions.saw(session, 'alice')
    sessions.saw(session, 'alice')
    sessions.saw(session, 'bob')
    sessions.hear([{ session, shown: 1, enforced: 1 }])
    sessions.saw(session, 'bob')
    assert.deepEqual(
      met,
      ['alice', 'bob', 'bob'].map((user) => `${session} ${user}`),
    )
  })

  it('lets a session in tier 2 make so many requests, and no more', () => {
    const { sessions, session, meet, pass } = started({ requestsPerSecond: 2 })
    sessions.hear([{ session, shown: 2, enforced: 2 }])
    const statuses = () => Array.from({ length: 5 }, () => meet().answer?.status ?? 200)
    assert.deepEqual(statuses(), [200, 200, 200, 200, 429])
    pass(1000)
    assert.deepEqual(statuses(), [200, 200, 429, 429, 429])
    sessions.hear([{ session, shown: 1, enforced: 1 }])
    assert.deepEqual(statuses(), [200, 200, 200, 200, 200])
  })

  it('asks a session in tier 2 for work, and lets it pass for a while', () => {
    const { sessions, session, meet, met } = started({ work: 20 })
    assert.equal(meet().answer, undefined)
    sessions.hear([{ session, shown: 2, enforced: 2 }])
    const asked = meet().answer
    assert.equal(asked?.status, 403)
    const { challenge } = JSON.parse(asked?.body ?? '') as { challenge: Challenge }
    // What an operator finds in the list of decisions.
    const page = (decision: string) => meet({ accept: 'text/html', decision }).answer?.body ?? ''
    assert.ok(page('01DECISION').includes('Reference: 01DECISION</small>'))
    assert.ok(page('').includes(`Reference: session ${session.slice(0, 8)}</small>`))
    const sha = (text: string) => createHash('sha256').update(text).digest('hex')
    let number = 0
    while (sha(challenge.salt + number) !== challenge.challenge) number++
    const { algorithm, salt, signature } = challenge
    const proof = { algorithm, challenge: challenge.challenge, number, salt, signature }
    const solution = Buffer.from(JSON.stringify(proof)).toString('base64')
    const target = `${PROOF_PATH}?solution=${encodeURIComponent(solution)}&to=%2Fhere`
    const solved = meet({ target }).answer
    assert.equal(solved?.status, 303)
    const fields = new Map(solved?.fields)
    assert.equal(fields.get('Location'), '/here')
    assert.deepEqual(met, [`${session} passed`])
    const cookie = (fields.get('Set-Cookie') ?? '').split(';')[0] ?? ''
    assert.ok(cookie.startsWith(`${BEHAVIOR_PASS_COOKIE}=`))
    assert.equal(meet({ cookie }).answer, undefined)
    // Once, and for this session.
    assert.equal(meet({ target }).answer?.status, 403)
    const other = started({ work: 20 })
    other.sessions.hear([{ session: other.session, shown: 2, enforced: 2 }])
    assert.equal(other.meet({ cookie }).answer?.status, 403)
  })
})
