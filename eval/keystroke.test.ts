import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { typeRepeatedly } from '../test/fixtures/synthetic-people.ts'
import { evalKeystroke, parseKeystrokes, rateOf } from './keystroke.ts'

const NAMES = ['H', 'DD', 'UD']
const HEADER = [
  'subject,sessionIndex,rep',
  ...Array.from({ length: 31 }, (_, i) => `${NAMES[i % 3]}.k${Math.floor(i / 3)}`),
].join(',')

it('parseKeystrokes() takes the kinds from the header and keeps people in order', () => {
  const { kinds, people } = parseKeystrokes(
    'subject,sessionIndex,rep,H.a,DD.a.b,UD.a.b\ns2,1,1,0.1,0.2,0.1\ns1,1,1,1,2,3\r\ns2,1,2,0.3,0.4,-0.1\n',
  )
  assert.deepEqual(kinds, ['hold', 'press-press', 'release-press'])
  assert.deepEqual(people, [
    [Float64Array.of(0.1, 0.2, 0.1), Float64Array.of(0.3, 0.4, -0.1)],
    [Float64Array.of(1, 2, 3)],
  ])
  assert.throws(() => parseKeystrokes('subject,sessionIndex,rep,X.a\n'), /X\.a is no H, DD or UD/)
})

it('rateOf() averages within a run, never across', () => {
  const scores = {
    genuine: [
      [0, 0, 9],
      [1, 1, 1],
    ],
    impostors: [[4, 4, 4]],
  }
  // Alone, one of six of the own is above the others; as means of three 3 and 1 are both below 4.
  assert.ok(rateOf(scores, 1) > 0)
  assert.equal(rateOf(scores, 3), 0)
})

it('evalKeystroke() runs on a folder of the layout, and on the inner one', async () => {
  // The first two are the same person: they cannot be told apart, the others can.
  const seeds = [1, 1, 2, 3, 4, 5]
  const rows = seeds.flatMap((seed, person) =>
    typeRepeatedly(seed, 400).map((row, i) =>
      [
        `s${person}`,
        1 + Math.floor(i / 50),
        1 + (i % 50),
        ...Array.from(row, (v) => v.toFixed(4)),
      ].join(','),
    ),
  )
  const folder = await mkdtemp(join(tmpdir(), 'limen-keystroke-'))
  try {
    const inner = join(folder, 'cmu-keystroke')
    await mkdir(inner)
    await writeFile(join(inner, 'keystrokes.csv'), [HEADER, ...rows].join('\n'))
    const result = JSON.parse(JSON.stringify(await evalKeystroke(folder)))
    assert.deepEqual(JSON.parse(JSON.stringify(await evalKeystroke(inner))), result)
    assert.equal(result.subjects, 6)
    // Two of six have one of five impostors who types as they do.
    assert.ok(result.eer_own > 0.01 && result.eer_own < 0.1, `${result.eer_own}`)
    assert.ok(result.eer_background < 0.1 && result.eer_common < 0.15)
    assert.ok(result.eer_mean3 < 0.2, `${result.eer_mean3}`)
  } finally {
    await rm(folder, { recursive: true })
  }
})
