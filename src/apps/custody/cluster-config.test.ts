import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { KEY_USES, type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { readClusterConfig } from './cluster-config.ts'
import { parseDemand, readDemand, writeDemand } from './demand-file.ts'
import { addKeyName, parseKeyNames, readKeyNames } from './key-names.ts'

const SEED = 11764948
const GOOD = `cluster: site
certificate: own.pem
key: own.key
authority: ca.pem
identity: identity.pem
threshold: 2
nodes:
  - { id: n1, address: "10.0.0.1:9444", card: cards/n1, domain: rack-1 }
  - { id: n2, address: "[::1]:9444", card: cards/n2 }
`
let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-pdesk-'))
})
after(() => rmSync(folder, { recursive: true }))

function read(text: string) {
  const path = join(folder, 'custody.yaml')
  writeFileSync(path, text)
  return readClusterConfig(path)
}

describe('readClusterConfig()', () => {
  it("reads paths from the file's folder, and has defaults", () => {
    const config = read(GOOD)
    assert.equal(config.nodes[0]?.card, join(folder, 'cards/n1'))
    assert.equal(config.nodes[0]?.domain, 'rack-1')
    assert.equal(config.names, join(folder, 'names'))
    assert.deepEqual(config.drill, { everyS: 86_400, repair: false })
    assert.equal(config.placement.mode, 'plan')
    assert.equal(config.identityKey, undefined)
  })

  it('reads what is for the operations API alone, and does not look at it', () => {
    assert.equal(read(`${GOOD}id: api1\nfolder: state\ntokens: []\n`).cluster, 'site')
  })

  for (const [name, text, words] of [
    ['what it does not know', `${GOOD}plain: true\n`, /plain/],
    ['a threshold above the nodes', GOOD.replace('threshold: 2', 'threshold: 3'), /threshold/],
    ['a node twice', GOOD.replace('id: n2', 'id: n1'), /twice/],
    ['an address without a port', GOOD.replace('10.0.0.1:9444', '10.0.0.1'), /nodes\.0\.address/],
    ['a drill without end', `${GOOD}drill: { everyS: 0 }\n`, /drill\.everyS/],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(() => read(text), { code: 'config-refused', message: words })
    })
  }
})

describe('names of keys', () => {
  const labels: fc.Arbitrary<KeyLabel> = fc.record({
    use: fc.constantFrom(...KEY_USES),
    version: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    name: fc.stringMatching(/^[!-~]{1,128}$/),
  })

  it('are read as they were added', () => {
    const path = join(folder, 'some-names')
    assert.equal(readKeyNames(path).size, 0)
    fc.assert(
      fc.property(labels, (label) => {
        addKeyName(path, label)
        assert.deepEqual(readKeyNames(path).get(toHex(keyIdOf(writeKeyLabel(label)))), { ...label })
      }),
      { seed: SEED, numRuns: 20 },
    )
  })

  it('are read whole, or refused with the line', () => {
    assert.throws(() => parseKeyNames('sign 1 ca\nsign 0 ca\n', 'names'), {
      code: 'names-damaged',
      message: 'names:2: not USE VERSION NAME',
    })
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        try {
          for (const [id, label] of parseKeyNames(text, 'names')) {
            assert.equal(id, toHex(keyIdOf(writeKeyLabel(label))))
          }
        } catch (error) {
          assert.ok(error instanceof LimenError && error.code === 'names-damaged')
        }
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})

describe('the file of demand', () => {
  it('is read as it was written, and nothing else is', () => {
    const path = join(folder, 'demand')
    const demand = new Map([['0a'.repeat(16), [1, 0, 2.5, 0, 0, 0, 0]]])
    writeDemand(path, demand)
    assert.deepEqual(readDemand(path), demand)
    for (const text of ['', '[]', '{"a":[1]}', `{"${'0a'.repeat(16)}":[1,2]}`]) {
      writeFileSync(path, text)
      assert.throws(() => readDemand(path), { code: 'demand-bad' }, text)
    }
  })

  it('has nothing but numbers that are not negative in it, or is refused', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        let read: ReturnType<typeof parseDemand>
        try {
          read = parseDemand(text)
        } catch {
          return
        }
        for (const perS of read.values()) assert.ok(perS.every((rate) => rate >= 0))
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})
