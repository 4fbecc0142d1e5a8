import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { ChunkedReader } from './chunked-body.ts'
import { HpackDecoder } from './hpack-decoder.ts'
import { RequestHeadReader } from './request-head.ts'
import { ResponseHeadReader } from './response-head.ts'

/** `LIMEN_FUZZ_RUNS=1000000` for the long run; the slice here takes a few seconds. */
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const SEED = 91_127_541
const LIMITS = { headBytes: 100_000, headersMax: 1000, urlBytes: 50_000 }

const REQUESTS = [
  'GET /a/b?c=d HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x/1 (y)\r\nAccept: */*\r\nCookie: a=b; c=d\r\nConnection: keep-alive, x-y\r\nX-Y: 1\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a.test:443\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5;a=b\r\nhello\r\n00a\r\n0123456789\r\n0\r\nT: u\r\n\r\n',
  'PUT http://a.test/x HTTP/1.1\r\nHost: b.test\r\nContent-Length: 5\r\nX_Forwarded_For: 1\r\nForwarded: for=x\r\n\r\nhello',
  '\r\nOPTIONS * HTTP/1.0\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'))
const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\nKeep-Alive: timeout=5\r\n\r\nhello',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nEndpoint-Load-Metrics: TEXT eps=1\r\nEndpoint-Load-Metrics-Bin: CQ==\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 304 Not Modified\r\nUpgrade: x\r\nETag: "a"\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX-Y: 1\r\nConnection: x-y, close, content-length\r\nTE: x\r\nx-y: 2\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nConnection: a, b, c\r\nTransfer-Encoding: chunked\r\nb: 1\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'))
/** RFC 7541 C.3.3, C.4.1, C.5.1 one after the other. */
const BLOCKS = [
  Buffer.from('828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565', 'hex'),
  Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex'),
  Buffer.from(
    '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54',
    'hex',
  ),
]
/** Octets that mean something to a parser. */
const TELLING = fc.constantFrom(...Buffer.from('\r\n \t:;,0159afAF+-xX_\0\x7f\xff/#@'))

const mutation = fc.tuple(
  fc.constantFrom('set', 'cut', 'insert', 'double', 'truncate'),
  fc.nat(),
  fc.oneof(TELLING, fc.nat(255)),
  fc.integer({ min: 1, max: 12 }),
)
type Mutation = readonly [kind: string, at: number, octet: number, length: number]

function mutate(bytes: Uint8Array, [kind, where, octet, length]: Mutation): Uint8Array {
  const at = where % Math.max(1, bytes.length)
  const [front, back] = [bytes.subarray(0, at), bytes.subarray(at)]
  if (kind === 'set') return Uint8Array.from([...front, octet, ...back.subarray(1)])
  if (kind === 'cut') return Uint8Array.from([...front, ...back.subarray(length)])
  if (kind === 'insert') return Uint8Array.from([...front, octet, ...back])
  if (kind === 'double')
    return Uint8Array.from([...front, ...back.subarray(0, length * 4), ...back])
  return front
}
const mutated = (seeds: readonly Uint8Array[]) =>
  fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutation, { maxLength: 4 }))
    .map(([bytes, mutations]) => mutations.reduce(mutate, bytes))
const splits = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 })

/** Ends of the pieces in which `length` octets arrive. */
function ends(length: number, sizes: readonly number[]): number[] {
  const found: number[] = []
  let at = 0
  for (const size of sizes) {
    at += size
    if (at < length) found.push(at)
  }
  return [...found, length]
}

interface Reader {
  readonly end: number
  readonly chunked: boolean
  readonly contentLength: number
  readonly cutCount: number
}

/** What a head and its chunked body come to, when they arrive in pieces. */
function readAll<R extends Reader>(
  bytes: Uint8Array,
  sizes: readonly number[],
  reader: R,
  read: (held: Uint8Array, to: number) => string,
): string {
  let result = 'incomplete'
  const arrivals = ends(bytes.length, sizes)
  for (const to of arrivals) {
    // As in a connection: what came so far, with what came before behind it in the buffer.
    const held = new Uint8Array(bytes.length + 1).fill(97)
    held.set(bytes.subarray(0, to))
    result = read(held, to)
    if (result !== 'incomplete') break
  }
  if (result !== 'complete') return result
  assert.ok(reader.end <= bytes.length && reader.cutCount <= 32)
  const facts = `${reader.end} ${reader.contentLength} ${reader.cutCount}`
  return reader.chunked ? `${facts} ${readChunks(bytes, reader.end, arrivals)}` : facts
}

function readChunks(bytes: Uint8Array, from: number, arrivals: readonly number[]): string {
  const chunked = new ChunkedReader()
  let data = ''
  let at = from
  for (const to of arrivals) {
    if (to <= at) continue
    chunked.start(at)
    for (;;) {
      const read = chunked.next(bytes, to)
      if (read === 'data')
        data += Buffer.from(bytes.subarray(chunked.dataStart, chunked.dataEnd)).toString('latin1')
      else if (read === 'more') break
      else return `${read} ${data} ${chunked.at}`
    }
    at = to
  }
  return `more ${data}`
}

/** Whole lines in order, none twice: `rewriteHead` and HTTP/2 rely on it. */
function assertCutsAreLines(bytes: Uint8Array, reader: ResponseHeadReader): void {
  let least = reader.statusLineEnd
  for (let k = 0; k < reader.cutCount; k++) {
    const [from = 0, to = 0] = reader.cuts.subarray(2 * k, 2 * k + 2)
    assert.ok(from >= least && to > from && to <= reader.end - 2)
    assert.ok(bytes[from - 1] === 10 && bytes.indexOf(10, from) === to - 1)
    least = to
  }
}

it(`reads ${RUNS} mutated requests: never an exception, and any split gives the same outcome (seed ${SEED})`, () => {
  const outcomes = new Map<string, number>()
  fc.assert(
    fc.property(mutated(REQUESTS), splits, (bytes, sizes) => {
      const reader = new RequestHeadReader()
      const read = (held: Uint8Array, to: number) => reader.read(held, 0, to, LIMITS)
      const whole = readAll(bytes, [], reader, read)
      const kind = /^\d/.test(whole) ? 'complete' : whole
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      assert.equal(readAll(bytes, sizes, reader, read), whole)
    }),
    { numRuns: RUNS, seed: SEED },
  )
  // A fuzzer whose inputs all fail in one way would prove nothing.
  assert.ok(outcomes.size > 10, [...outcomes.keys()].join())
  assert.ok((outcomes.get('complete') ?? 0) > RUNS / 10)
})

it(`reads ${RUNS} mutated responses: never an exception, and any split gives the same outcome (seed ${SEED})`, () => {
  fc.assert(
    fc.property(mutated(RESPONSES), splits, (bytes, sizes) => {
      const reader = new ResponseHeadReader()
      const read = (held: Uint8Array, to: number) =>
        reader.read(held, 0, to, LIMITS.headBytes, true)
      const whole = readAll(bytes, [], reader, read)
      if (/^\d/.test(whole)) assertCutsAreLines(bytes, reader)
      assert.equal(readAll(bytes, sizes, reader, read), whole)
    }),
    { numRuns: RUNS, seed: SEED },
  )
})

it(`decodes ${RUNS} mutated header blocks: never an exception, never beyond its bounds (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(mutated(BLOCKS), { minLength: 1, maxLength: 3 }), (blocks) => {
      const decoder = new HpackDecoder<never>(256, 512)
      for (const block of blocks) {
        let listBytes = 0
        const error = decoder.decode(block, 0, block.length, 1000, ({ name, value }) => {
          assert.ok(name.length <= 512 && value.length <= 512)
          listBytes += name.length + value.length + 32
        })
        assert.ok(listBytes <= 1000)
        if (error !== undefined && error !== 'list-too-large') return
      }
    }),
    { numRuns: RUNS, seed: SEED },
  )
})
