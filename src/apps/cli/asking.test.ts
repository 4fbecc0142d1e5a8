import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command } from 'commander'
import { LimenError } from '../../ground/limen-error.ts'
import { limited, wholeNumber } from './asking.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { addProfileCommands } from './profile-commands.ts'
import { addReadingCommands } from './reading-commands.ts'
import { addSessionCommands } from './session-commands.ts'

/** What `limen` is refused with by these words; nothing listens where it would ask. */
const refusal = async (...words: string[]): Promise<{ code: number; text: string }> => {
  const program = new Command('limen').exitOverride()
  addReadingCommands(program, () => {})
  addProfileCommands(program, () => {})
  addSessionCommands(
    program,
    () => {},
    () => {},
  )
  try {
    await program.parseAsync([...words, '--url', 'http://127.0.0.1:1'], { from: 'user' })
  } catch (error) {
    return { code: exitCodeOf(error), text: (error as Error).message }
  }
  return { code: 0, text: '' }
}

describe('values of options', () => {
  it('are refused as usage before anybody is asked, saying what is wanted', async () => {
    for (const [words, wanted] of [
      ['decisions list --limit x', '--limit takes a whole number from 1 to 1000, not x'],
      ['connections --limit 0', '--limit takes a whole number from 1 to 1000, not 0'],
      ['sessions list --limit 1001', '--limit takes a whole number from 1 to 1000, not 1001'],
      ['profiles list --tier 9', '--tier takes a whole number from 1 to 3, not 9'],
      ['upstreams weight app/one 999', 'A weight takes a whole number from 0 to 256, not 999'],
      ['upstreams weight app/one abc', 'A weight takes a whole number from 0 to 256, not abc'],
    ] as const) {
      const { code, text } = await refusal(...words.split(' '))
      assert.deepEqual([code, text], [EXIT.usage, wanted])
    }
  })

  it('reach the admin API when they are good', async () =>
    assert.equal((await refusal('decisions', 'list', '--limit', '5')).code, EXIT.unreachable))

  it('that only the admin API knows to be bad are usage too', () => {
    const details = { side: 'operator', retry: false } as const
    const error = new LimenError('bad-request', 'id must be the id of a session', details)
    assert.equal(exitCodeOf(error), EXIT.usage)
  })

  it('are whole numbers in ordinary digits', () => {
    const read = wholeNumber('--n', 0, 20)
    assert.equal(read('20'), '20')
    for (const text of ['', ' 1', '1.5', '-1', '1e1', '0x1', '21', '\u0663'])
      assert.throws(() => read(text), { code: 'usage' }, text)
  })

  it('have a usual limit', () => {
    const command = limited(new Command('list'), 20)
    assert.equal(command.parse([], { from: 'user' }).opts()['limit'], '20')
  })
})
