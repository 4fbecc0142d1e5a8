/**
 * The life of a session on a client (`apps/browser/session-keeper.ts`) against the key server's half (`flows/open-session.ts`),
 * in a world whose time and network are ours.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryStore } from '../../src/apps/browser/session-store.ts'
import { ROTATE_S, Server, START, Tab, TICKET_S } from '../client-world.ts'

const generationOf = async ({ keeper }: Tab) => (await keeper.session()).generation
const sent = ({ seen }: Server, path: string) => seen.filter((one) => one.path === path)

describe('SessionKeeper', () => {
  it('opens one session for all who ask, and knows the identity key from then on', async () => {
    const server = new Server()
    const store = memoryStore()
    const tab = new Tab(server, store)
    const sessions = await Promise.all([tab.keeper.session(), tab.keeper.session()])
    assert.equal(sessions[0], sessions[1])
    assert.equal(sent(server, 'session').length, 1)
    assert.equal((await store.read()).authorityKey, server.authorityKey)
    const impostor = new Server()
    const later = new Tab(impostor, store)
    await later.keeper.end()
    await assert.rejects(later.keeper.session(), { code: 'authority_changed' })
    assert.equal(sent(impostor, 'session').length, 0)
  })

  it('rotates by itself when its ticket says so, a little later, each at its own moment', async () => {
    const tab = new Tab(new Server())
    assert.equal(await generationOf(tab), 1)
    // Half of a tenth of the 300 s that are left then.
    await tab.pass(ROTATE_S + 14)
    assert.equal(await generationOf(tab), 1)
    await tab.pass(2)
    assert.equal(await generationOf(tab), 2)
  })

  it('follows a hint at a moment of its own before it is over, drawn once', async () => {
    const server = new Server()
    const tab = new Tab(server)
    const session = await tab.keeper.session()
    tab.keeper.heed(`by=${START + 60};reason=time`, session)
    tab.fraction = 0.01
    tab.keeper.heed(`by=${START + 60};reason=time`, session)
    await tab.pass(29)
    assert.equal(await generationOf(tab), 1)
    await tab.pass(2)
    assert.equal(await generationOf(tab), 2)
  })

  it('comes later when busy servers ask for it, not after its ticket', async () => {
    const tab = new Tab(new Server())
    const session = await tab.keeper.session()
    const [from, by] = [START + ROTATE_S + 40, START + ROTATE_S + 60]
    tab.keeper.heed(`by=${by};reason=load;from=${from}`, session)
    await tab.pass(ROTATE_S + 48)
    assert.equal(await generationOf(tab), 1)
    await tab.pass(4)
    assert.equal(await generationOf(tab), 2)
    const other = new Tab(new Server())
    other.keeper.heed('by=9999999999;reason=load;from=9999999999', await other.keeper.session())
    await other.pass(ROTATE_S + 31)
    assert.equal(await generationOf(other), 2)
  })

  it('follows a hint of reason security at once, and no hint that is none', async () => {
    const tab = new Tab(new Server())
    const session = await tab.keeper.session()
    for (const hint of ['', 'by=x', 'reason=security', 'by=99999999999999;reason=time']) {
      tab.keeper.heed(hint, session)
    }
    await tab.keeper.work
    assert.equal(await generationOf(tab), 1)
    tab.keeper.heed(`by=${START + 60};reason=security`, session)
    await tab.keeper.work
    assert.equal(await generationOf(tab), 2)
  })

  it('asks for a lost reply again, later each time, with the same bytes, and goes on using its key', async () => {
    const server = new Server()
    const tab = new Tab(server)
    tab.fraction = 0.999
    await tab.keeper.session()
    server.weather = ['reply lost', 503, 'request lost']
    await assert.rejects(tab.keeper.rotate(), { code: 'unreachable' })
    assert.equal(await generationOf(tab), 1)
    for (const [seconds, times] of [
      [0.9, 1],
      [0.2, 2],
      [1.9, 2],
      [0.2, 3],
      [3.9, 3],
      [0.2, 4],
    ] as const) {
      await tab.pass(seconds)
      assert.equal(sent(server, 'rotate').length, times, `after ${seconds} s`)
    }
    assert.equal(await generationOf(tab), 2)
    const [first, ...more] = sent(server, 'rotate')
    for (const { body } of more) assert.deepEqual(body, first?.body)
  })

  it('loses nothing with a tab that is closed before the reply, of an opening or a rotation', async () => {
    const server = new Server()
    const store = memoryStore()
    server.weather = ['fair', 'fair', 'reply lost', ...Array(4).fill('request lost')]
    await assert.rejects(new Tab(server, store).keeper.session(), { code: 'unreachable' })
    server.weather = []
    const second = new Tab(server, store)
    const session = await second.keeper.session()
    const openings = sent(server, 'session')
    for (const { body } of openings) assert.deepEqual(body, openings[0]?.body)
    server.weather = ['reply lost']
    await assert.rejects(second.keeper.rotate(), { code: 'unreachable' })
    const third = await new Tab(server, store).keeper.rotate()
    assert.deepEqual([third.sessionId, third.generation], [session.sessionId, 2])
  })

  it('begins again when the reply was lost for too long', async () => {
    const server = new Server()
    const tab = new Tab(server)
    const session = await tab.keeper.session()
    server.weather = ['reply lost']
    await assert.rejects(tab.keeper.rotate(), { code: 'unreachable' })
    server.now += 120
    const next = await tab.keeper.rotate()
    assert.equal(next.generation, 1)
    assert.notDeepEqual(next.sessionId, session.sessionId)
  })

  it('tries until its ticket is over, and then opens another session', async () => {
    const server = new Server()
    const tab = new Tab(server)
    const session = await tab.keeper.session()
    server.weather = Array(1000).fill('request lost')
    for (let second = 0; second < TICKET_S - 2; second += 10) await tab.pass(10)
    const times = sent(server, 'rotate').length
    assert.ok(times > 3 && times < 40, `${times} times in ${TICKET_S - ROTATE_S} s`)
    server.weather = []
    await tab.pass(10)
    const next = await tab.keeper.session()
    assert.notDeepEqual(next.sessionId, session.sessionId)
  })

  it('lets one of two tabs rotate: the other takes its key', async () => {
    const server = new Server()
    const store = memoryStore()
    const [one, two] = [new Tab(server, store), new Tab(server, store)]
    await one.keeper.session()
    await two.keeper.session()
    const [a, b] = await Promise.all([one.keeper.rotate(), two.keeper.rotate()])
    assert.equal(a.ticket, b.ticket)
    assert.equal(sent(server, 'rotate').length, 1)
  })

  it('begins again when somebody else rotated its session', async () => {
    const server = new Server()
    const store = memoryStore()
    const session = await new Tab(server, store).keeper.session()
    const copy = memoryStore()
    await copy.exclusively(async (_, write) => write(await store.read()))
    await new Tab(server, copy).keeper.rotate()
    const next = await new Tab(server, store).keeper.rotate()
    assert.equal(next.generation, 1)
    assert.notDeepEqual(next.sessionId, session.sessionId)
  })

  it('reads the configuration once more when its key is gone', async () => {
    const server = new Server()
    const tab = new Tab(server)
    await tab.keeper.session()
    server.roll()
    assert.equal((await tab.keeper.rotate()).generation, 2)
    assert.equal(sent(server, 'keys').length, 2)
    assert.equal(sent(server, 'rotate').length, 2)
  })

  it('reads the configuration once more when its suite is not offered, and then gives up', async () => {
    const server = new Server()
    const tab = new Tab(server)
    server.refusals.set('session', ['suite_refused'])
    assert.equal((await tab.keeper.session()).generation, 1)
    assert.equal(sent(server, 'keys').length, 2)
    const other = new Tab(server)
    server.refusals.set('session', ['suite_refused', 'suite_refused', 'suite_refused'])
    await assert.rejects(other.keeper.session(), { code: 'refused' })
    assert.equal(server.refusals.get('session')?.length, 1)
  })

  it('works with a clock that is a day off, either way', async () => {
    for (const skewMs of [-86_400_000, 86_400_000, 86_400_000 * 3]) {
      const server = new Server()
      const tab = new Tab(server)
      tab.skewMs = skewMs
      const session = await tab.keeper.session()
      assert.ok(session.expires > server.now)
      assert.ok(Math.abs(tab.keeper.now() - server.now) < 2)
      assert.equal((await tab.keeper.rotate()).generation, 2)
    }
  })

  it('keeps the key before for 5 s', async () => {
    const tab = new Tab(new Server())
    const first = await tab.keeper.session()
    const second = await tab.keeper.rotate()
    assert.equal(tab.keeper.retired(second)?.ticket, first.ticket)
    assert.equal(tab.keeper.retired(first), undefined)
    await tab.pass(6)
    assert.equal(tab.keeper.retired(second), undefined)
  })

  it('replaces a session that is refused, but not the one it just opened for that', async () => {
    const tab = new Tab(new Server())
    const first = await tab.keeper.session()
    assert.equal(await tab.keeper.replace(first), undefined)
    await tab.pass(2)
    const second = await tab.keeper.replace(first)
    assert.ok(second !== undefined && second.ticket !== first.ticket)
    assert.equal((await tab.keeper.replace(first))?.ticket, second.ticket)
  })

  it('asks no server in vain with each request', async () => {
    const server = new Server()
    const tab = new Tab(server)
    server.weather = Array(100).fill(404)
    await assert.rejects(tab.keeper.session(), { code: 'refused' })
    const asked = server.seen.length
    await assert.rejects(tab.keeper.session(), { code: 'refused' })
    assert.equal(server.seen.length, asked)
    server.weather = []
    server.now += 2
    await tab.keeper.session()
  })

  it('says who logged in, when it opens a session, and when it is told', async () => {
    const server = new Server()
    const tab = new Tab(server, memoryStore(), { login: async () => 'a.b.c' })
    const first = await tab.keeper.session()
    await tab.keeper.rotate()
    assert.deepEqual(server.logins, ['a.b.c'])
    const second = await tab.keeper.login('d.e.f')
    assert.notDeepEqual(second.sessionId, first.sessionId)
    assert.deepEqual(server.logins, ['a.b.c', 'd.e.f'])
    assert.equal((await tab.keeper.session()).ticket, second.ticket)
  })
})
