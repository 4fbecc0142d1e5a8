import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { tarArchive } from '../test/fixtures/tar-archive.ts'
import { tarFiles } from './tar.ts'

const SEED = 1988
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('tarFiles()', () => {
  it('reads what is in an archive, folders left out', () => {
    const archive = tarArchive([
      ['people/', ''],
      ['people/ann', 'x'.repeat(513)],
      ['people/bob', ''],
    ])
    assert.deepEqual(
      [...tarFiles(archive)].map(({ path, bytes }) => [path, bytes.length]),
      [
        ['people/ann', 513],
        ['people/bob', 0],
      ],
    )
  })

  it('reads what tar(1) writes', () => {
    const args = ['-c', '--format=ustar', '-C', import.meta.dirname, 'tar.ts', 'main.ts']
    const files = [...tarFiles(execFileSync('tar', args))]
    assert.deepEqual(
      files.map(({ path }) => path),
      ['tar.ts', 'main.ts'],
    )
    assert.match(text(files[1]?.bytes ?? new Uint8Array()), /^\/\*\*[\s\S]*parseArgs/)
  })

  it('refuses what is cut off, changed or no archive', () => {
    const archive = tarArchive([['ann', 'hello']])
    const read = (bytes: Uint8Array) => () => [...tarFiles(bytes)]
    assert.throws(read(archive.subarray(0, 514)), /cut off/)
    assert.throws(read(new Uint8Array(512).fill(65)), /no header/)
    const changed = archive.slice()
    changed[0] = 66
    assert.throws(read(changed), /no header/)
  })

  it(`never throws anything but TypeError, and never yields more than there is (seed ${SEED})`, () => {
    const archive = tarArchive([
      ['a', 'one'],
      ['b', 'two'],
    ])
    const change = fc.tuple(fc.nat({ max: archive.length - 1 }), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat(archive.length), (changes, length) => {
        const bytes = archive.slice(0, length)
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte
        try {
          let sum = 0
          for (const file of tarFiles(bytes)) sum += file.bytes.length
          assert.ok(sum <= bytes.length)
        } catch (error) {
          assert.ok(error instanceof TypeError, String(error))
        }
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})
