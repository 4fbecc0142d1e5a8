import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Turns } from './turns.ts'

describe('Turns', () => {
  it('does one piece after the other, in the order they came', async () => {
    const done: string[] = []
    const turns = new Turns(() => assert.fail())
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    turns.soon(async () => {
      await held
      done.push('slow')
    })
    turns.soon(() => {
      done.push('quick')
    })
    assert.deepEqual([turns.waiting, done], [1, []])
    letGo()
    assert.equal(await turns.ask(async () => done.join(' ')), 'slow quick')
    await turns.over()
    assert.equal(turns.waiting, 0)
  })

  it('goes on after what fails: who asked is told, else whoever looks after it', async () => {
    const told: unknown[] = []
    const turns = new Turns((error) => told.push(error))
    const [lost, asked] = [new Error('lost'), new Error('asked')]
    turns.soon(() => Promise.reject(lost))
    turns.soon(() => {
      throw lost
    })
    await assert.rejects(
      turns.ask(() => Promise.reject(asked)),
      asked,
    )
    assert.equal(await turns.ask(async () => 'after'), 'after')
    assert.deepEqual(told, [lost, lost])
    await turns.over()
  })

  it('takes what is brought while it works', async () => {
    const turns = new Turns(() => assert.fail())
    const done: number[] = []
    turns.soon(() => {
      done.push(1)
      turns.soon(() => {
        done.push(2)
      })
    })
    await turns.over()
    assert.deepEqual(done, [1, 2])
  })
})
