import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readDemand } from './demand-file.ts'
import { KeyUse } from './key-use.ts'

const KEY = 'cd'.repeat(16)

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-key-use-'))
})
after(() => rmSync(folder, { recursive: true }))

describe('KeyUse', () => {
  it('keeps what is counted, also of a minute that is not over, and what is expected', () => {
    let now = 600_000
    const opened = () => new KeyUse({ cluster: 'x', folder, now: () => now, complain: assert.fail })
    const use = opened()
    for (let i = 0; i < 120; i++) use.demand.count(KEY, 'sign')
    now += 60_000
    use.endMinute()
    use.demand.count(KEY, 'sign')
    now += 5_000
    use.endMinute()
    const [series] = opened().demand.series(180, 1)
    assert.equal(series?.uses, 121)
    use.writeExpected(60)
    assert.equal(readDemand(join(folder, 'demand')).get(KEY)?.[0], 121 / 2 / 60)
  })

  it('goes on when nothing can be kept, and says so once until it can', () => {
    const complaints: string[] = []
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const use = new KeyUse({
      ...{ cluster: 'x', folder: file, now: () => 0 },
      complain: (text) => complaints.push(text),
    })
    use.demand.count(KEY, 'sign')
    use.endMinute()
    use.writeExpected(60)
    assert.deepEqual(complaints, ['custody: demand is not kept: ENOTDIR'])
    assert.equal(use.demand.series(1, 1)[0]?.uses, 1)
    rmSync(file)
    mkdirSync(file)
    use.endMinute()
    rmSync(file, { recursive: true })
    writeFileSync(file, '')
    use.endMinute()
    assert.equal(complaints.length, 2)
  })
})
