import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openLog } from './json-log.ts'

const logged = (format: 'json' | 'text', level: 'info' | 'error' = 'info') => {
  const lines: string[] = []
  return { lines, log: openLog({ level, format, write: (line) => lines.push(line) }) }
}

describe('openLog()', () => {
  it('writes one JSON object per line', () => {
    const { lines, log } = logged('json')
    log.info({ pool: 'site' }, 'Server\nup')
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, string>
    assert.deepEqual(rest, { level: 'info', pool: 'site', text: 'Server\nup' })
    assert.match(time ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.equal(lines[0]?.split('\n').length, 2)
  })

  it('writes text for a person', () => {
    const { lines, log } = logged('text')
    log.warn({ pool: 'site', note: 'two words' }, 'Server down')
    assert.match(lines[0] ?? '', /^[\d:.]{12} warn {2}Server down pool=site note="two words"\n$/)
  })

  it('strikes secrets out, also one level down', () => {
    const { lines, log } = logged('json')
    log.info({ token: 's3cret', tls: { keyPem: 's3cret', password: 's3cret' } }, 'x')
    assert.doesNotMatch(lines[0] ?? '', /s3cret/)
    assert.match(lines[0] ?? '', /\[secret\]/)
  })

  it('leaves out what is below the level', () => {
    const { lines, log } = logged('json', 'error')
    log.warn({}, 'x')
    assert.deepEqual(lines, [])
  })

  it('writes errors with their stack', () => {
    const { lines, log } = logged('text')
    log.error({ err: new Error('boom') }, 'Failed')
    assert.match(lines[0] ?? '', /Error: boom/)
  })
})
