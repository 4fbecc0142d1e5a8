import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { endLeftovers, startOwned } from './owned-process.ts'

const run = (script: string, owner = '/test/none') =>
  startOwned({
    command: [process.execPath, '-e', script],
    ...{ cwd: '.', env: { PATH: process.env['PATH'] }, owner },
  })
const lives = (pid: number | undefined): boolean => {
  try {
    return process.kill(pid ?? 0, 0)
  } catch {
    return false
  }
}
const untilSaid = async (process: { said(): string }): Promise<string> => {
  while (!process.said().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 10))
  return process.said()
}

describe('startOwned()', () => {
  it('says how it ended, and what it said last', async () => {
    const failing = run('console.error("no such table"); process.exit(3)')
    assert.equal(await failing.ended, 'ended with 3')
    assert.equal(await untilSaid(failing), 'no such table\n')
    const missing = startOwned({
      ...{ command: ['/no/such/program'], cwd: '.', env: {}, owner: '/test/none' },
    })
    assert.equal(await missing.ended, 'cannot be started: ENOENT')
    assert.equal(missing.pid, undefined)
  })

  it('knows no shell', async () => {
    const child = startOwned({
      command: [process.execPath, '-e', 'console.error(process.argv[1])', '$HOME; echo `id`'],
      ...{ cwd: '.', env: {}, owner: '/test/none' },
    })
    assert.equal(await untilSaid(child), '$HOME; echo `id`\n')
  })

  it('ends what does not heed SIGTERM, with all it started', async () => {
    const deaf = run(`
      process.on('SIGTERM', () => {})
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
      console.error(child.pid)
      setInterval(() => {}, 1000)`)
    const grandchild = Number(await untilSaid(deaf))
    assert.ok(lives(deaf.pid) && lives(grandchild))
    await deaf.stop(50)
    assert.equal(await deaf.ended, 'ended by SIGKILL')
    while (lives(grandchild)) await new Promise((resolve) => setTimeout(resolve, 10))
  })
})

describe('endLeftovers()', { skip: process.platform !== 'linux' }, () => {
  it('ends what a killed owner left behind, and lets be those of one that lives and of others', async () => {
    const owner = `/test/${process.pid}`
    const module = JSON.stringify(new URL('./owned-process.ts', import.meta.url).href)
    const starter = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { startOwned } from ${module}
       for (const owner of ${JSON.stringify([owner, `${owner}-2`])}) {
         const { pid } = startOwned({ command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'], cwd: '.', env: {}, owner })
         console.log(pid)
       }`,
    ])
    let printed = ''
    starter.stdout.on('data', (more) => {
      printed += more
    })
    while (printed.trim().split('\n').length < 2) await once(starter.stdout, 'data')
    const [ours = 0, others = 0] = printed.trim().split('\n').map(Number)
    try {
      assert.deepEqual(endLeftovers(owner), [], 'its starter lives')
      starter.kill('SIGKILL')
      await once(starter, 'exit')
      assert.deepEqual(endLeftovers(owner), [ours])
      while (lives(ours)) await new Promise((resolve) => setTimeout(resolve, 10))
      assert.ok(lives(others))
    } finally {
      process.kill(others, 'SIGKILL')
    }
  })
})
