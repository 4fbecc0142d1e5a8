import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type FileWatch, watchFiles } from './file-watch.ts'

/** Runs `change` and says how often the watch called, once it was quiet. */
async function callsAfter(
  prepare: (folder: string) => string,
  change: (folder: string) => void,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-watch-'))
  const file = prepare(folder)
  let calls = 0
  const watch: FileWatch = watchFiles({
    onChange: () => calls++,
    onBlind: (_folder, error) => assert.fail(String(error)),
    debounceMs: 20,
  })
  watch.set([file])
  change(folder)
  // Events arrive by themselves, or not at all: this long is 10 times what a change took here.
  await new Promise((resolve) => setTimeout(resolve, 200))
  watch.close()
  rmSync(folder, { recursive: true })
  return calls
}
const oneFile = (folder: string): string => {
  writeFileSync(join(folder, 'a.yaml'), 'old')
  return join(folder, 'a.yaml')
}

describe('watchFiles()', () => {
  it('calls once when a file is written in several steps', async () => {
    const change = (folder: string): void => {
      for (const text of ['', 'ne', 'new']) writeFileSync(join(folder, 'a.yaml'), text)
    }
    assert.equal(await callsAfter(oneFile, change), 1)
  })

  it('calls once when a file is replaced', async () => {
    const change = (folder: string): void => {
      writeFileSync(join(folder, 'b'), 'new')
      renameSync(join(folder, 'b'), join(folder, 'a.yaml'))
    }
    assert.equal(await callsAfter(oneFile, change), 1)
  })

  it('calls when the link to its folder is swapped, as Kubernetes does', async () => {
    const prepare = (folder: string): string => {
      for (const name of ['v1', 'v2']) {
        mkdirSync(join(folder, name))
        writeFileSync(join(folder, name, 'a.yaml'), name)
      }
      symlinkSync('v1', join(folder, '..data'))
      symlinkSync('..data/a.yaml', join(folder, 'a.yaml'))
      return join(folder, 'a.yaml')
    }
    const change = (folder: string): void => {
      symlinkSync('v2', join(folder, '..new'))
      renameSync(join(folder, '..new'), join(folder, '..data'))
    }
    assert.equal(await callsAfter(prepare, change), 1)
  })

  it('does not call for what does not change the contents, nor for other files', async () => {
    const change = (folder: string): void => {
      writeFileSync(join(folder, 'a.yaml'), 'old')
      writeFileSync(join(folder, 'other'), 'x')
    }
    assert.equal(await callsAfter(oneFile, change), 0)
  })

  it('says when it cannot see a folder', () => {
    const blind: string[] = []
    const watch = watchFiles({ onChange: () => {}, onBlind: (folder) => blind.push(folder) })
    watch.set(['/nowhere/a.yaml'])
    watch.close()
    assert.deepEqual(blind, ['/nowhere'])
  })
})
