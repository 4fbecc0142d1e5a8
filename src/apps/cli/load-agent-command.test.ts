import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { exitCodeOf } from './exit-code.ts'
import { type LoadAgentCommandOptions, runLoadAgent } from './load-agent-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-agent-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const refusal = (options: LoadAgentCommandOptions): Promise<Error> =>
  runLoadAgent(options, () => assert.fail('it serves')).then(
    () => assert.fail('it ended'),
    (error: Error) => error,
  )

it('runLoadAgent() wants a token beyond loopback, a good one, and an address', async () => {
  const short = join(folder, 'short')
  writeFileSync(short, 'password\n')
  const cases: readonly (readonly [LoadAgentCommandOptions, RegExp])[] = [
    [{ listen: '0.0.0.0:0' }, /is not loopback: needs --token-file$/],
    [{ listen: '[::]:0' }, /is not loopback/],
    [{ listen: '9450' }, /is no host:port$/],
    [{ listen: '127.0.0.1:0', tokenFile: join(folder, 'none') }, /cannot be read: ENOENT$/],
    [{ listen: '127.0.0.1:0', tokenFile: short }, /must hold 16 to 512/],
  ]
  for (const [options, text] of cases) {
    const error = await refusal(options)
    assert.match(error.message, text)
    assert.doesNotMatch(error.message, /password/)
    assert.equal(exitCodeOf(error), 2)
  }
})

it('runLoadAgent() says when its address is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const error = await refusal({ listen: `127.0.0.1:${port}` })
  assert.match(error.message, /the address is in use$/)
  other.close()
})
