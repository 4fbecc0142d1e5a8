import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { memoryForecastStore } from '../../adapters/memory/forecast-store.ts'
import { openLog } from '../../adapters/node/json-log.ts'
import type { ForecastStore } from '../../ports/forecast-store.ts'
import { openEventDesk } from './event-desk.ts'

const NOW_S = 1_790_000_000
const sale = { pool: null, kind: 'sale', startS: NOW_S + 60, endS: NOW_S + 120 }
const calendar = { source: 'shop.ics', pool: 'shop' }
const match = { kind: 'match', startS: NOW_S + 300, endS: NOW_S + 400 }

async function desk(store: ForecastStore, sources: readonly string[] = [calendar.source]) {
  const logs: string[] = []
  let nowS = NOW_S
  const opened = await openEventDesk({
    ...{ store, sources, clock: { now: () => nowS * 1000 }, random: seededRandom(1) },
    log: openLog({ level: 'info', format: 'json', write: (line) => logs.push(line) }),
  })
  const pass = (seconds: number) => {
    nowS += seconds
  }
  return { opened, logs, pass }
}

describe('openEventDesk()', () => {
  it('keeps what is announced over a restart, of calendars that are still there', async () => {
    const store = memoryForecastStore()
    const { opened } = await desk(store)
    const id = opened.newId()
    assert.equal(await opened.announce(sale, id), 'announced')
    assert.equal(await opened.announce(sale, opened.newId()), 'known')
    await opened.takeCalendar(calendar, [match])
    const kinds = async (sources?: readonly string[]) =>
      (await desk(store, sources)).opened.list().map(({ kind }) => kind)
    assert.deepEqual(await kinds(), ['sale', 'match'])
    assert.deepEqual(await kinds([]), ['sale'])
  })

  it('withdraws what was announced here, not what a calendar says', async () => {
    const { opened } = await desk(memoryForecastStore())
    const id = opened.newId()
    await opened.announce(sale, id)
    await opened.takeCalendar(calendar, [match])
    const ofCalendar = opened.list().find(({ kind }) => kind === 'match')?.id ?? ''
    assert.equal(await opened.withdraw(ofCalendar), false)
    assert.equal(await opened.withdraw(id), true)
    assert.equal(await opened.withdraw(id), false)
    assert.deepEqual(
      opened.list().map(({ kind }) => kind),
      ['match'],
    )
  })

  it('tells of changes, and of none when a calendar says the same again', async () => {
    const { opened, pass } = await desk(memoryForecastStore())
    let told = 0
    opened.onChange(() => told++)
    await opened.takeCalendar(calendar, [match])
    await opened.takeCalendar(calendar, [match])
    assert.equal(told, 1)
    pass(400)
    assert.deepEqual(opened.list(), [])
  })

  it('goes on, and says so, when storage fails', async () => {
    const fails = (): Promise<never> => Promise.reject(new Error('disk full'))
    const { opened, logs } = await desk({
      ...memoryForecastStore(),
      loadEvents: fails,
      saveEvents: fails,
    })
    assert.equal(await opened.announce(sale, opened.newId()), 'announced')
    assert.equal(opened.list().length, 1)
    assert.equal(logs.filter((line) => line.includes('disk full')).length, 2)
  })
})
