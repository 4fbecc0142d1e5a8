import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { movePointer } from '../test/fixtures/synthetic-people.ts'
import { tarArchive } from '../test/fixtures/tar-archive.ts'
import { evalMouse, parseLabels, parseSession } from './mouse.ts'

it('parseSession() takes the client clock, and leaves out scrolling and unknown positions', () => {
  const events = parseSession(
    [
      'record timestamp,client timestamp,button,state,x,y',
      '0.9,0.1,NoButton,Move,10,20',
      '0.9,0.2,Left,Pressed,10,20\r',
      '0.9,0.3,Scroll,Down,0,0',
      '0.9,0.4,Left,Drag,65535,65535',
      '0.9,0.5,Left,Drag,11,21',
      '0.9,0.6,Left,Released,11,21',
      '',
    ].join('\n'),
  )
  assert.deepEqual(events, [
    { timeS: 0.1, x: 10, y: 20, kind: 'move' },
    { timeS: 0.2, x: 10, y: 20, kind: 'press' },
    { timeS: 0.5, x: 11, y: 21, kind: 'move' },
    { timeS: 0.6, x: 11, y: 21, kind: 'release' },
  ])
})

it('parseLabels() knows who was no right one', () => {
  const labels = parseLabels('filename,is_illegal\nsession_1,0\nsession_2,1\r\n')
  assert.deepEqual(
    [...labels],
    [
      ['session_1', false],
      ['session_2', true],
    ],
  )
})

const STATES = { move: 'Move', press: 'Pressed', release: 'Released' }

function sessionText(person: number, n: number, movements: number): string {
  const lines = movePointer(person, n, movements).map(
    ({ timeS, x, y, kind }) =>
      `0,${timeS.toFixed(4)},Left,${STATES[kind]},${Math.round(x)},${Math.round(y)}`,
  )
  return ['record timestamp,client timestamp,button,state,x,y', ...lines].join('\n')
}

it('evalMouse() runs on a folder of the layout and tells synthetic hands apart', async () => {
  const people = [1, 2, 3, 4, 5, 6]
  const training = people.flatMap((person) =>
    [0, 1, 2, 3].map(
      (n) => [`training_files/user${person}/s${person}-${n}`, sessionText(person, n, 70)] as const,
    ),
  )
  // Sessions of user1: four of their own, then four of user2 and user3.
  const seats = [1, 1, 1, 1, 2, 2, 3, 3]
  const test = seats.map(
    (person, i) => [`test_files/user1/t${i}`, sessionText(person, 10 + i, 30)] as const,
  )
  const labels = seats.map((person, i) => `t${i},${person === 1 ? 0 : 1}`)
  const folder = await mkdtemp(join(tmpdir(), 'limen-mouse-'))
  try {
    await writeFile(join(folder, 'training.tar.gz'), gzipSync(tarArchive(training)))
    await writeFile(
      join(folder, 'test.tar.gz'),
      gzipSync(tarArchive([...test, ['test_files/user1/unlabelled', 'x']])),
    )
    await writeFile(join(folder, 'labels.csv'), ['filename,is_illegal', ...labels].join('\n'))
    const result = JSON.parse(JSON.stringify(await evalMouse(folder)))
    assert.deepEqual(Object.keys(result.per_user), ['user1'])
    assert.equal(result.per_user.user1.sessions, 8)
    assert.equal(result.auc_background, 1)
    assert.equal(result.auc_oneclass, 1)
    assert.ok(result.auc_unseen > 0.9, `${result.auc_unseen}`)
  } finally {
    await rm(folder, { recursive: true })
  }
})
