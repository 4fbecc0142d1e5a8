import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { type DemoSite, startDemoSite } from './site.ts'

let site: DemoSite
let origin = ''

before(async () => {
  site = await startDemoSite({ ports: [0, 0, 0] })
  origin = `http://127.0.0.1:${site.servers[0]?.port}`
})
after(() => site.close())

const EDGE_HEADERS = {
  'limen-decision': '01JD0000000000000000000000',
  'limen-ja4': 't13d1516h2_8daaf6152771_02713d6af862',
  'limen-tier': '1',
  'limen-score': '0.3',
  'limen-client': 'Chromium',
}

test('three servers a, b, c, each says who it is', async () => {
  assert.deepEqual(
    site.servers.map((server) => server.id),
    ['a', 'b', 'c'],
  )
  for (const { id, port } of site.servers) {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`)
    assert.deepEqual(await response.json(), { status: 'ok', server: id })
  }
})

test('home explains the handshake the edge reports, and escapes it', async () => {
  const headers = { ...EDGE_HEADERS, 'limen-client': '<img src=x>' }
  const response = await fetch(`${origin}/`, { headers })
  const text = await response.text()
  assert.match(text, /t13d1516h2_8daaf6152771_02713d6af862/)
  assert.match(text, /15 offered/)
  assert.match(text, /&lt;img src=x&gt;/)
  assert.doesNotMatch(text, /<img src=x>/)
  const policy = response.headers.get('content-security-policy') ?? ''
  assert.match(policy, /script-src 'self';/)
  assert.doesNotMatch(policy, /unsafe/)
})

test('home says so when there was no edge', async () => {
  assert.match(await (await fetch(origin)).text(), /came around the edge/)
})

test('members are told what the edge said about them, escaped; others that nobody said anything', async () => {
  const claims = { sid: '<i>AbC</i>', gen: 3, level: 'proof', tier: 1 }
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
  const assertion = `${part({ alg: 'EdDSA' })}.${part(claims)}.x`
  const members = async (headers: Record<string, string>) =>
    await (await fetch(`${origin}/members`, { headers })).text()
  const text = await members({ 'limen-assertion': assertion })
  assert.match(text, /&lt;i&gt;AbC&lt;\/i&gt;/)
  assert.match(text, /each request is signed/)
  for (const bad of ['', 'x', 'a.b.c', `a.${part([])}.c`, `a.${part({ sid: 1 })}.c`]) {
    assert.match(await members(bad === '' ? {} : { 'limen-assertion': bad }), /Nobody says who you/)
  }
})

test('the form is checked, and shown back escaped', async () => {
  const post = (fields: Record<string, string>) =>
    fetch(`${origin}/form`, { method: 'POST', body: new URLSearchParams(fields) })
  const wrong = await post({ name: '', message: 'x' })
  assert.equal(wrong.status, 422)
  assert.match(await wrong.text(), /Please tell us a name/)
  const right = await post({ name: 'Ada', message: '<b>"hi"</b>' })
  assert.equal(right.status, 200)
  assert.match(await right.text(), /&lt;b&gt;&quot;hi&quot;&lt;\/b&gt;/)
})

test('behavior: the page collects nothing by itself, and its form logs in under any name that is one', async () => {
  const text = await (await fetch(`${origin}/behavior`)).text()
  assert.match(text, /<input type="checkbox" role="switch" data-consent disabled>/)
  assert.doesNotMatch(text, /\.well-known/)
  assert.equal((await fetch(`${origin}/static/behavior.js`)).status, 200)
  const body = new URLSearchParams({ user: 'ada', pass: 'secret' })
  const sent = await fetch(`${origin}/behavior`, { method: 'POST', body, redirect: 'manual' })
  assert.deepEqual([sent.status, sent.headers.get('location')], [303, '/behavior'])
  assert.equal(sent.headers.get('limen-user'), 'ada')
  for (const user of ['', 'a\r\nb', 'é', 'a;confirmed', 'x'.repeat(41)]) {
    const wrong = {
      method: 'POST',
      body: new URLSearchParams({ user }),
      redirect: 'manual',
    } as const
    assert.equal((await fetch(`${origin}/behavior`, wrong)).headers.get('limen-user'), null)
  }
})

test('notes can be created, read, changed, deleted; there are never more than 100', async () => {
  const send = (path: string, method: string, body?: string) =>
    fetch(`${origin}/api/items${path}`, { method, ...(body === undefined ? {} : { body }) })
  const created = await send('', 'POST', '{"text": "one"}')
  assert.equal(created.status, 201)
  const path = `/${((await created.json()) as { id: number }).id}`
  assert.equal((await send(path, 'PUT', '{"text": "two"}')).status, 200)
  assert.deepEqual(await (await send(path, 'GET')).json(), { id: 1, text: 'two' })
  assert.equal((await send(path, 'DELETE')).status, 204)
  assert.equal((await send(path, 'GET')).status, 404)
  assert.equal((await send('', 'POST', 'not json')).status, 422)
  for (let index = 0; index < 105; index += 1) {
    await (await send('', 'POST', `{"text": "note ${index}"}`)).arrayBuffer()
  }
  const { items } = (await (await send('', 'GET')).json()) as { items: { text: string }[] }
  assert.equal(items.length, 100)
  assert.equal(items[0]?.text, 'note 5')
})

test('echo answers any method with what arrived; a body over the limit is 413', async () => {
  const echoed = await fetch(`${origin}/api/echo?x=1`, { method: 'PATCH', body: 'hello' })
  const value = (await echoed.json()) as { method: string; url: string; body: string }
  assert.deepEqual([value.method, value.url, value.body], ['PATCH', '/api/echo?x=1', 'hello'])
  const large = await fetch(`${origin}/api/echo`, { method: 'POST', body: 'x'.repeat(70_000) })
  assert.equal(large.status, 413)
})

test('slow, fail, large and drop do as asked, within bounds', async () => {
  const status = async (path: string) => (await fetch(origin + path)).status
  assert.equal(await status('/slow?ms=5'), 200)
  assert.equal(await status('/slow?ms=99999999'), 422)
  assert.equal(await status('/fail?status=503'), 503)
  assert.equal(await status('/fail?status=200'), 422)
  const large = await fetch(`${origin}/large?bytes=200001`)
  assert.equal((await large.arrayBuffer()).byteLength, 200_001)
  await assert.rejects(fetch(`${origin}/drop`))
})

test('unknown paths are 404, wrong methods 405 with Allow, static files answer 304', async () => {
  assert.equal((await fetch(`${origin}/../../etc/passwd`)).status, 404)
  assert.equal((await fetch(`${origin}/static/..%2fsite.ts`)).status, 404)
  const wrong = await fetch(`${origin}/form`, { method: 'DELETE' })
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD, POST')
  const first = await fetch(`${origin}/static/site.css`)
  const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
  await first.arrayBuffer()
  assert.equal((await fetch(`${origin}/static/site.css`, { headers })).status, 304)
})

test('a request target that is no path is answered, not thrown', async () => {
  const { port } = new URL(origin)
  const status = await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: 'http://[/' }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
  assert.equal(status, 400)
})

test('the WebSocket greets, echoes text and bytes, and lives only at /ws', async () => {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/ws`)
  const messages: string[] = []
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (data) => {
      if (messages.push(String(data)) === 3) resolve()
    })
    socket.on('open', () => {
      socket.send('one')
      socket.send(Buffer.from('two'))
    })
  })
  socket.terminate()
  assert.deepEqual(messages, ['hello from server a', 'one', 'two'])
  const elsewhere = new WebSocket(`${origin.replace('http', 'ws')}/other`)
  const refused = await new Promise((resolve) => elsewhere.on('error', resolve))
  assert.match(String(refused), /404/)
})
