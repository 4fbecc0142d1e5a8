import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { configJsonSchema, knownKeys } from './json-schema.ts'

const ajv = new Ajv2020({ strict: false })
const accepts = ajv.compile(configJsonSchema())

describe('configJsonSchema()', () => {
  it('accepts the demo', () => {
    const text = readFileSync(new URL('../../demo/demo.yaml', import.meta.url), 'utf8')
    assert.equal(accepts(parse(text)), true, JSON.stringify(accepts.errors))
  })

  it('refuses an unknown key', () => {
    const text = readFileSync(new URL('../../demo/demo.yaml', import.meta.url), 'utf8')
    assert.equal(accepts({ ...(parse(text) as object), colour: 'red' }), false)
  })

  it('documents every key', () => {
    const silent: string[] = []
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return
      const { properties = {}, ...rest } = node as { properties?: Record<string, unknown> }
      for (const [key, value] of Object.entries(properties)) {
        const { description } = value as { description?: string }
        if (description === undefined) silent.push(`${path}.${key}`)
        walk(value, `${path}.${key}`)
      }
      for (const [key, value] of Object.entries(rest)) walk(value, `${path}/${key}`)
    }
    walk(configJsonSchema(), '')
    assert.deepEqual(silent, [])
  })

  it('is what was published', () => {
    const published = new URL('../../../../limen.schema.json', import.meta.url)
    assert.deepEqual(
      JSON.parse(readFileSync(published, 'utf8')),
      JSON.parse(JSON.stringify(configJsonSchema())),
      'run npm run build',
    )
  })
})

describe('knownKeys()', () => {
  it('sees into lists and both halves of a union', () => {
    assert.deepEqual(knownKeys(['certificates', 0]), ['certFile', 'keyFile', 'localCa'])
    assert.deepEqual(knownKeys(['metrics']), ['address'])
    assert.deepEqual(knownKeys(['metrics', 'address']), [])
    assert.deepEqual(knownKeys(['__proto__']), [])
  })
})
