import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HpackDecoder, type HpackError } from './hpack-decoder.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import { decodeHuffman, encodeHuffman, HUFFMAN_LENGTHS, huffmanLength } from './hpack-huffman.ts'
import { DynamicTable, STATIC_ENTRIES, staticTable } from './hpack-table.ts'

type Fields = readonly (readonly [name: string, value: string])[]

function decode(
  decoder: HpackDecoder<never>,
  bytes: Uint8Array,
  listBytesMax = 65_536,
): Fields | HpackError {
  const fields: [string, string][] = []
  const error = decoder.decode(bytes, 0, bytes.length, listBytesMax, ({ name, value }) =>
    fields.push([name, value]),
  )
  return error ?? fields
}
const fresh = (tableBytes = 4096) => new HpackDecoder<never>(tableBytes, 4096)
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function encode(encoder: HpackEncoder, fields: Fields): Buffer {
  const out = Buffer.alloc(
    16 + fields.reduce((sum, [name, value]) => sum + 4 * HpackEncoder.room(name, value), 0),
  )
  let at = encoder.begin(out, 0)
  for (const [name, value] of fields) at = encoder.encode(name, value, out, at)
  return out.subarray(0, at)
}

const REQUESTS: readonly Fields[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
]
const DATES = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT'] as const
const LOCATION = ['location', 'https://www.example.com'] as const
const COOKIE = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'] as const
const RESPONSES: readonly Fields[] = [
  [[':status', '302'], ['cache-control', 'private'], ['date', DATES[0]], LOCATION],
  [[':status', '307'], ['cache-control', 'private'], ['date', DATES[0]], LOCATION],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', DATES[1]],
    LOCATION,
    ['content-encoding', 'gzip'],
    COOKIE,
  ],
]

/** RFC 7541 appendix C: section, table size, header blocks, what they mean. */
const APPENDIX_C: readonly (readonly [string, number, readonly string[], readonly Fields[]])[] = [
  [
    'C.2.1',
    4096,
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
    [[['custom-key', 'custom-header']]],
  ],
  ['C.2.2', 4096, ['040c 2f73 616d 706c 652f 7061 7468'], [[[':path', '/sample/path']]]],
  ['C.2.3', 4096, ['1008 7061 7373 776f 7264 0673 6563 7265 74'], [[['password', 'secret']]]],
  ['C.2.4', 4096, ['82'], [[[':method', 'GET']]]],
  [
    'C.3',
    4096,
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    REQUESTS,
  ],
  [
    'C.4',
    4096,
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    REQUESTS,
  ],
  [
    'C.5',
    256,
    [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ],
    RESPONSES,
  ],
  [
    'C.6',
    256,
    [
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
    RESPONSES,
  ],
]

describe('HpackDecoder.decode()', () => {
  for (const [section, tableBytes, blocks, meanings] of APPENDIX_C) {
    it(`reads RFC 7541 ${section}`, () => {
      const decoder = fresh(tableBytes)
      blocks.forEach((block, n) => {
        assert.deepEqual(decode(decoder, hex(block)), meanings[n])
      })
    })
  }

  const wrong: readonly (readonly [HpackError, string, readonly string[]])[] = [
    ['bad-index', 'an index of nothing', ['80', 'be', 'ff 00', '7e 01 61', '0f 2f 01 61']],
    [
      'bad-integer',
      'an integer without end, or beyond 2^28',
      [
        'ff',
        'ff ff ff ff ff ff ff 7f',
        '7f ff ff ff ff 0f',
        '00 7f ff ff ff ff 7f',
        'ff 80 80 80 80 80 80 80 00',
      ],
    ],
    [
      'bad-string',
      'a string that is cut off, or coded wrong',
      [
        '00',
        '00 01',
        '00 05 61',
        '00 01 61',
        '00 81 ff 00',
        '00 81 00 00',
        '00 82 ff ff 00',
        '00 84 ff ff ff fc 00',
        '00 84 ff ff ff ff 00',
      ],
    ],
    [
      'bad-table-size',
      'a table size that is too large, or not at the start',
      ['3f e2 1f', '82 20', '82 3f e1 1f'],
    ],
  ]
  for (const [error, what, blocks] of wrong) {
    it(`refuses ${what}: ${error}`, () => {
      for (const block of blocks) assert.equal(decode(fresh(), hex(block)), error, block)
    })
  }

  it('takes sizes of the table at the start of a block, also two', () => {
    assert.deepEqual(decode(fresh(), hex('20 3f e1 1f 82')), [[':method', 'GET']])
  })

  it('evicts when the table shrinks', () => {
    const decoder = fresh()
    decode(decoder, hex('4001 6101 62'))
    assert.deepEqual(decode(decoder, hex('be')), [['a', 'b']])
    assert.equal(decode(decoder, hex('20 be')), 'bad-index')
  })

  it('reports a list that is too large, but stays in step', () => {
    const decoder = fresh()
    const fields: string[] = []
    const block = Buffer.concat([hex('4001 6101 62'), Buffer.alloc(100, 0xbe)])
    assert.equal(
      decoder.decode(block, 0, block.length, 100, ({ name }) => fields.push(name)),
      'list-too-large',
    )
    assert.equal(fields.length, 2)
    assert.deepEqual(decode(decoder, hex('be')), [['a', 'b']])
  })

  it('keeps strings below the limit, coded or not', () => {
    const literal = (text: string) =>
      Buffer.concat([
        hex('0001 61'),
        Buffer.of(0x7f, ((text.length - 127) & 127) | 128, (text.length - 127) >> 7),
        Buffer.from(text),
      ])
    assert.deepEqual(decode(fresh(), literal('x'.repeat(4096))), [['a', 'x'.repeat(4096)]])
    assert.equal(decode(fresh(), literal('x'.repeat(4097))), 'bad-string')
    const coded = Buffer.alloc(4000)
    const end = encodeHuffman('0'.repeat(4097), coded, 0)
    const block = Buffer.concat([
      hex('0001 61'),
      Buffer.of(0xff, ((end - 127) & 127) | 128, (end - 127) >> 7),
      coded.subarray(0, end),
    ])
    assert.equal(decode(fresh(), block), 'bad-string')
  })
})

const octets = (max: number) =>
  fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const name = fc.oneof(
  fc.constantFrom(':path', 'cookie', 'set-cookie', 'etag', 'x-a', 'accept', 'x-long'),
  fc.stringMatching(/^[a-z-]{1,20}$/),
)
const lists = fc.array(
  fc.array(fc.tuple(name, fc.oneof(fc.constantFrom('', 'a', 'gzip, deflate'), octets(300))), {
    maxLength: 12,
  }),
  { maxLength: 12 },
)

describe('HpackEncoder', () => {
  it('writes what the decoder reads, block after block, with sizes that change', () => {
    fc.assert(
      fc.property(
        lists,
        fc.array(fc.constantFrom(0, 64, 200, 4096, 100), { maxLength: 12 }),
        (blocks, sizes) => {
          const encoder = new HpackEncoder(4096)
          const decoder = fresh()
          blocks.forEach((fields, n) => {
            if (n % 2 === 1) for (const size of sizes.slice(0, n)) encoder.resize(size)
            assert.deepEqual(decode(decoder, encode(encoder, fields)), fields)
          })
        },
      ),
      { seed: 13, numRuns: 300 },
    )
  })
  it('writes a line of HTTP/1.1 as the same field', () => {
    const encoder = new HpackEncoder(4096)
    const decoder = fresh()
    const out = Buffer.alloc(200)
    for (let turn = 0; turn < 2; turn++) {
      const end = encoder.encodeLine('X-Powered-By: \tme ', out, encoder.begin(out, 0))
      assert.deepEqual(decode(decoder, out.subarray(0, end)), [['x-powered-by', 'me']])
      if (turn === 1) assert.equal(end, 1)
    }
  })
  it('takes no octet of a value for space but SP and HTAB (RFC 9110 section 5.5)', () => {
    const encoder = new HpackEncoder(4096)
    const out = Buffer.alloc(200)
    const end = encoder.encodeLine('X-Name: \xa0caf\xe9\xa0 ', out, encoder.begin(out, 0))
    assert.deepEqual(decode(fresh(), out.subarray(0, end)), [['x-name', '\xa0caf\xe9\xa0']])
  })
  it('never indexes secrets, and marks them', () => {
    const encoder = new HpackEncoder(4096)
    const block = encode(encoder, [['set-cookie', 'a=b']])
    assert.equal((block[0] ?? 0) & 0xf0, 0x10)
    assert.deepEqual(encode(encoder, [['set-cookie', 'a=b']]), block)
  })
  it('says the smallest size of the table in between, then the last (section 4.2)', () => {
    const encoder = new HpackEncoder(4096)
    encoder.resize(0)
    encoder.resize(4096)
    assert.deepEqual(encode(encoder, []), hex('20 3f e1 1f'))
    assert.deepEqual(encode(encoder, []), hex(''))
  })
})

describe('Huffman code', () => {
  it('is a complete prefix code', () => {
    assert.equal(
      HUFFMAN_LENGTHS.reduce((sum, length) => sum + 2 ** -length, 0),
      1,
    )
  })
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(octets(200), (text) => {
        const coded = new Uint8Array(huffmanLength(text))
        assert.equal(encodeHuffman(text, coded, 0), coded.length)
        const out = new Uint8Array(text.length + 2)
        assert.equal(decodeHuffman(coded, 0, coded.length, out), text.length)
        assert.equal(Buffer.from(out.subarray(0, text.length)).toString('latin1'), text)
      }),
      { seed: 13 },
    )
  })
  it('refuses padding of eight bits, padding that is not of ones, and EOS', () => {
    const out = new Uint8Array(100)
    for (const bytes of ['ff', '00', '1f ff', '18', 'ff ff ff ff', 'ff ff ff fc', 'f8 ff']) {
      assert.equal(decodeHuffman(hex(bytes), 0, hex(bytes).length, out), -1, bytes)
    }
    assert.equal(decodeHuffman(hex('1f'), 0, 1, out), 1)
  })
  it('refuses to write beyond the end', () =>
    assert.equal(decodeHuffman(Buffer.alloc(50), 0, 50, new Uint8Array(20)), -1))
})

describe('DynamicTable', () => {
  const entry = (text: string) => ({ name: text, value: '', derived: undefined })
  it('gives the newest first, and evicts the oldest', () => {
    const table = new DynamicTable<never>(3 * 33)
    for (const text of ['a', 'b', 'c', 'd']) assert.equal(table.add(entry(text)), true)
    assert.deepEqual([table.at(0)?.name, table.at(2)?.name, table.at(3)], ['d', 'b', undefined])
    assert.deepEqual([table.added, table.evicted, table.length], [4, 1, 3])
    table.resize(33)
    assert.deepEqual([table.at(0)?.name, table.length], ['d', 1])
  })
  it('is emptied by an entry that is larger than all of it', () => {
    const table = new DynamicTable<never>(100)
    table.add(entry('a'))
    assert.equal(table.add(entry('x'.repeat(100))), false)
    assert.equal(table.length, 0)
  })
  it('stands behind a static table of 61', () =>
    assert.equal(staticTable().length, STATIC_ENTRIES + 1))
})
