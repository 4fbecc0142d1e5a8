import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { behaviorScript } from './script.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-script-'))
after(() => rmSync(folder, { recursive: true }))
const asked = (method: string, path: string) => ({
  ...{ method, path, contentType: '', tls: 'TLSv1.3', address: '192.0.2.1', site: '', session: '' },
  body: new Uint8Array(0),
})
const PATH = '/.well-known/limen/behavior.js'

describe('behaviorScript()', () => {
  it('is 503 while it is not built, and nothing of other paths', () => {
    const script = behaviorScript(folder)
    assert.equal(script(asked('GET', PATH))?.status, 503)
    assert.equal(script(asked('GET', '/.well-known/limen/behavior')), undefined)
  })

  it('is a script of the same site, that browsers keep for a while', () => {
    writeFileSync(join(folder, 'behavior.js'), 'export {}')
    const script = behaviorScript(folder)
    const { status, fields, body } = script(asked('GET', PATH)) ?? assert.fail()
    assert.deepEqual([status, body], [200, 'export {}'])
    assert.equal(fields['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(fields['cross-origin-resource-policy'], 'same-origin')
    assert.equal(fields['cache-control'], 'max-age=300')
    assert.equal(script(asked('POST', PATH))?.status, 405)
  })
})
