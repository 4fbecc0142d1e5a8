import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { digestsOf, type FileWatch, watchFiles } from './file-watch.ts'

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

  it('tells of a new file that changed between its reading and its watching', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'limen-watch-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [config, certificate] = [oneFile(folder), join(folder, 'a.pem')]
    writeFileSync(certificate, 'old')
    let calls = 0
    const watch = watchFiles({
      onChange: () => {
        calls++
        const read = digestsOf([certificate])
        // Read now, and applied; meanwhile somebody renews it.
        if (calls === 1) writeFileSync(certificate, 'new')
        watch.set([config, certificate], read)
      },
      onBlind: (_folder, error) => assert.fail(String(error)),
      debounceMs: 20,
    })
    t.after(() => watch.close())
    watch.set([config])
    // Its events are over before it is watched.
    writeFileSync(config, 'names a certificate')
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(calls, 2)
  })

  it('does not tell of a new file that is as it was read', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'limen-watch-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = oneFile(folder)
    let calls = 0
    const onBlind = (_folder: string, error: unknown): void => assert.fail(String(error))
    const watch = watchFiles({ onChange: () => calls++, onBlind, debounceMs: 20 })
    t.after(() => watch.close())
    watch.set([file], digestsOf([file]))
    writeFileSync(join(folder, 'other'), 'x')
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(calls, 0)
  })

  it('looks although another file of the folder is written all the time', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'limen-watch-'))
    const file = oneFile(folder)
    const onBlind = (_folder: string, error: unknown): void => assert.fail(String(error))
    const changed = Promise.withResolvers<void>()
    const watch = watchFiles({ onChange: () => changed.resolve(), onBlind, debounceMs: 100 })
    watch.set([file])
    const busy = setInterval(() => writeFileSync(join(folder, 'log'), String(Math.random())), 10)
    t.after(() => {
      clearInterval(busy)
      watch.close()
      rmSync(folder, { recursive: true })
    })
    writeFileSync(file, 'new')
    await changed.promise
  })

  it('says when it cannot see a folder', () => {
    const blind: string[] = []
    const watch = watchFiles({ onChange: () => {}, onBlind: (folder) => blind.push(folder) })
    watch.set(['/nowhere/a.yaml'])
    watch.close()
    assert.deepEqual(blind, ['/nowhere'])
  })
})
