import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { asking, type Fields, Http2Peer } from './http2-peer.ts'
import { send } from './raw-client.ts'
import { type StrictOrigin, startStrictOrigin } from './strict-origin.ts'

const CASE_MS = 4000
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'

interface Downgrade {
  readonly name: string
  readonly fields: Fields
  readonly body?: string
  /** A status, `reset CODE` or `goaway CODE`. */
  readonly result: string
  /** What the origin sees, as `METHOD target body`. */
  readonly sees?: readonly string[]
}

const GET = asking('/1')
const POST = asking('/1', 'POST')
const without = (name: string): Fields => GET.filter(([known]) => known !== name)
const replaced = (name: string, value: string): Fields =>
  GET.map(([known, old]) => [known, known === name ? value : old] as const)
const malformed = (name: string, fields: Fields, body?: string): Downgrade => ({
  name,
  fields,
  result: 'reset 1',
  ...(body === undefined ? {} : { body }),
})
const served = (name: string, fields: Fields, sees: string, body?: string): Downgrade => ({
  name,
  fields,
  result: '200',
  sees: [sees],
  ...(body === undefined ? {} : { body }),
})

const CASES: readonly Downgrade[] = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\0',
    'x\r\nTransfer-Encoding: chunked',
    `x\r\n\r\n${SMUGGLED}`,
    '\x0b',
    '\x7f',
    ' x',
    'x ',
    '\tx',
    'x\t',
  ].map((value) => malformed(`value ${JSON.stringify(value)}`, [...GET, ['x-y', value]])),
  ...[
    'X-Y',
    'x\r\ny',
    'x\ny',
    'x\0',
    'x y',
    'x:y',
    ':x',
    '',
    'x: y\r\ntransfer-encoding',
    'x\t',
    'é',
    'transfer-encoding ',
    'x(y)',
    ' x',
  ].map((name) => malformed(`name ${JSON.stringify(name)}`, [...GET, [name, 'z']])),
  ...(
    [
      ['transfer-encoding', 'chunked'],
      ['connection', 'close'],
      ['connection', 'content-length'],
      ['keep-alive', 'timeout=5'],
      ['proxy-connection', 'close'],
      ['upgrade', 'h2c'],
      ['te', 'gzip'],
      ['te', 'trailers, deflate'],
    ] as const
  ).map(([name, value]) => malformed(`${name}: ${value}`, [...GET, [name, value]])),
  ...[
    ' /1',
    '/1 HTTP/1.1',
    '/1 HTTP/1.1\r\nX: y',
    '/1\r\n',
    '/1#f',
    '',
    '1',
    'http://a.test/1',
    '//\x00',
    '/\xe9',
    '*',
    '/1\t',
    '/1\x7f',
    '?1',
    '\\1',
  ].map((path) => malformed(`:path ${JSON.stringify(path)}`, replaced(':path', path))),
  ...['GET /smuggled HTTP/1.1\r\nX:', 'GET ', ' GET', '', 'G\0T', 'GET\r\n', 'G(T'].map((method) =>
    malformed(`:method ${JSON.stringify(method)}`, replaced(':method', method)),
  ),
  ...[
    'a.test\r\nX: y',
    'a.test/x',
    'u@a.test',
    '',
    'a test',
    'a.test\0',
    'a.test#',
    'a.test?x',
    '"a"',
  ].map((host) => malformed(`:authority ${JSON.stringify(host)}`, replaced(':authority', host))),
  ...['ftp', 'https://a.test/x?', '', 'https\r\n', 'HTTPS ', 'javascript'].map((scheme) =>
    malformed(`:scheme ${JSON.stringify(scheme)}`, replaced(':scheme', scheme)),
  ),
  ...[':method', ':scheme', ':path', ':authority'].map((name) =>
    malformed(`no ${name}`, without(name)),
  ),
  ...GET.map(([name, value]) => malformed(`${name} twice`, [...GET, [name, value]])),
  malformed('an unknown pseudo field', [...GET, [':protocol', 'websocket']]),
  malformed(':status in a request', [...GET, [':status', '200']]),
  malformed('a pseudo field behind a field', [...without(':path'), ['x', 'y'], [':path', '/1']]),
  malformed('host that differs from :authority', [...GET, ['host', 'evil.test']]),
  malformed('two hosts that differ, without :authority', [
    ...without(':authority'),
    ['host', 'a.test'],
    ['host', 'b.test'],
  ]),
  malformed('host with a path', [...without(':authority'), ['host', 'a.test/x']]),
  malformed(
    'content-length twice',
    [...POST, ['content-length', '5'], ['content-length', '5']],
    'hello',
  ),
  ...['+5', '-5', '5,5', '0x5', '', '5 5', '99999999999999999999', '5\r\nX: y'].map((length) =>
    malformed(
      `content-length ${JSON.stringify(length)}`,
      [...POST, ['content-length', length]],
      'hello',
    ),
  ),
  malformed(
    'content-length that is too small',
    [...POST, ['content-length', '3']],
    `hel${SMUGGLED}`,
  ),
  malformed('content-length that is too large', [...POST, ['content-length', '500']], 'hello'),
  malformed('content-length without a body', [...POST, ['content-length', '5']]),
  malformed('content-length 0 with a body', [...POST, ['content-length', '0']], SMUGGLED),
  {
    name: 'CONNECT',
    fields: [
      [':method', 'CONNECT'],
      [':authority', 'b.test:443'],
    ],
    result: 'reset 1',
  },
  { name: 'TRACE', fields: asking('/1', 'TRACE'), result: '501' },
  { name: 'a long path', fields: asking(`/${'a'.repeat(5000)}`), result: '414' },
  { name: 'a long value', fields: [...GET, ['x', 'a'.repeat(20_000)]], result: '431' },
  { name: 'a longer value', fields: [...GET, ['x', '&'.repeat(30_000)]], result: '431' },
  {
    name: 'many fields',
    fields: [...GET, ...Array.from({ length: 120 }, () => ['x', 'y'] as const)],
    result: '431',
  },
  served('a request', GET, 'GET /1 '),
  served('host that agrees with :authority', [...GET, ['host', 'A.test']], 'GET /1 '),
  served('host in place of :authority', [...without(':authority'), ['host', 'a.test']], 'GET /1 '),
  served('te: trailers', [...GET, ['te', 'trailers']], 'GET /1 '),
  served('a body that looks like a request', POST, `POST /1 ${SMUGGLED}`, SMUGGLED),
  served(
    'the same with its length',
    [...POST, ['content-length', String(SMUGGLED.length)]],
    `POST /1 ${SMUGGLED}`,
    SMUGGLED,
  ),
  served('a body with GET', GET, `GET /1 ${SMUGGLED}`, SMUGGLED),
  served('a body with HEAD', asking('/1', 'HEAD'), `HEAD /1 ${SMUGGLED}`, SMUGGLED),
  served(
    'content_length and transfer_encoding',
    [...POST, ['content_length', '50'], ['transfer_encoding', 'chunked']],
    'POST /1 hello',
    'hello',
  ),
  served(
    'spoofed words',
    [
      ...GET,
      ['limen-tier', '666'],
      ['limen_tier', '666'],
      ['x-forwarded-for', '6.6.6.6'],
      ['x_forwarded_for', '6.6.6.6'],
      ['forwarded', 'for=6.6.6.6'],
    ],
    'GET /1 ',
  ),
  served(
    'other names with underscores',
    [
      ...GET,
      ['http2_settings', '6.6.6.6'],
      ['proxy_authorization', '6.6.6.6'],
      ['keep_alive', '6.6.6.6'],
      ['proxy_connection', '6.6.6.6'],
    ],
    'GET /1 ',
  ),
  served('cookie crumbs', [...GET, ['cookie', 'a=b'], ['cookie', 'c=d']], 'GET /1 '),
  served('expect', [...POST, ['expect', '100-continue']], 'POST /1 hello', 'hello'),
  served('8-bit octets', [...GET, ['x', '\xe9\xff']], 'GET /1 '),
]

let origin: StrictOrigin
let under: EdgeUnderTest

before(async () => {
  origin = await startStrictOrigin()
  under = await startEdge({ upstreamPorts: [origin.port] })
})
after(async () => {
  under.close()
  await origin.close()
})

describe('hostile HTTP/2 requests on their way to HTTP/1.1', () => {
  for (const { name, fields, body, result, sees = [] } of CASES) {
    it(`${name}: ${result}`, async () => {
      origin.forget()
      const peer = await Http2Peer.connect(under.tlsPort)
      try {
        const id = peer.request(fields, body === undefined)
        if (body !== undefined) peer.data(id, body, true)
        assert.equal(await peer.over(id, CASE_MS), true, 'hangs')
        assert.equal(peer.result(id), result)
        // The connection and its compression go on.
        const probe = peer.request(asking('/probe'))
        assert.equal(await peer.over(probe, CASE_MS), true, 'the next request hangs')
        assert.equal(peer.stream(probe).body, 'GET /probe 0')
      } finally {
        peer.close()
      }
      assert.deepEqual(origin.violations, [])
      assert.deepEqual(
        origin.seen.map((seen) => `${seen.method} ${seen.target} ${seen.body}`),
        [...sees, 'GET /probe '],
      )
      for (const { text } of origin.raw)
        assert.doesNotMatch(text, /6\.6\.6\.6|evil\.test|: 666|_(?:length|encoding):/i)
      const next = await send({
        port: under.plainPort,
        pieces: ['GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n'],
        endAfter: 1,
        withinMs: CASE_MS,
      })
      assert.equal(next.answers[0]?.body, 'GET /next 0')
    })
  }

  it('joins cookie crumbs', async () => {
    origin.forget()
    const peer = await Http2Peer.connect(under.tlsPort)
    await peer.over(peer.request([...GET, ['cookie', 'a=b'], ['cookie', 'c=d']]), CASE_MS)
    peer.close()
    assert.deepEqual(
      origin.seen[0]?.fields.filter(([name]) => name === 'cookie'),
      [['cookie', 'a=b; c=d']],
    )
  })

  it('is not half a request when the stream is reset in its body', async () => {
    origin.forget()
    const peer = await Http2Peer.connect(under.tlsPort)
    const id = peer.request([...POST, ['content-length', '40000']], false)
    for (let i = 0; i < 2; i++) peer.data(id, 'x'.repeat(15_000), false)
    peer.data(id, SMUGGLED, false)
    peer.write(Buffer.of(0, 0, 4, 3, 0, 0, 0, 0, id, 0, 0, 0, 8))
    const probe = peer.request(asking('/probe'))
    await peer.over(probe, CASE_MS)
    assert.equal(peer.stream(probe).body, 'GET /probe 0')
    peer.close()
    assert.deepEqual(
      origin.seen.map(({ target }) => target),
      ['/probe'],
    )
  })
})
