import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ipv4, pcapFile, tcp } from '../test/fixtures/capture-bytes.ts'
import { capturedHello } from '../test/fixtures/hello-bytes.ts'
import { evalHello } from './hello.ts'

const root = mkdtempSync(join(tmpdir(), 'limen-eval-'))
after(() => rmSync(root, { recursive: true }))

const folder = join(root, 'tls', 'ja4')
mkdirSync(folder, { recursive: true })
const hello = (name: string, from: number) =>
  ipv4(6, tcp(1, [...capturedHello(name)], 0x10, { from, to: 443 }))
const capture = pcapFile(
  [hello('curl-openssl-001', 1), hello('chromium-001', 2), hello('go-nethttp-001', 3)],
  { linkType: 101 },
)
writeFileSync(join(folder, 'a.pcap'), capture)
const row = (pcap: string, port: number, nth: number, ja4: string) =>
  `${pcap},tcp,192.0.2.1,${port},192.0.2.2,443,${nth},${ja4}`
writeFileSync(
  join(folder, 'expected.csv'),
  [
    'pcap,transport,src,srcport,dst,dstport,nth,ja4',
    row('a.pcap', 1, 1, 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6'),
    row('a.pcap', 2, 1, 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6'),
    row('a.pcap', 2, 2, 't13d1517h2_8daaf6152771_cb7bf5808d99'),
    row('missing.pcap', 1, 1, 't13d190900_9dc949149365_97f8aa674fd9'),
  ].join('\n'),
)

describe('evalHello()', () => {
  for (const data of [root, join(root, 'tls'), folder]) {
    it(`counts exact, wrong and extra hellos below ${data.slice(root.length) || '/'}`, async () => {
      const result = await evalHello(data)
      assert.partialDeepStrictEqual(result, { rows: 4, exact: 1, extra: 1 })
      const wrong = 'wrong' in result ? result.wrong : undefined
      assert.ok(Array.isArray(wrong) && wrong.length === 3)
      assert.equal(wrong[0].got, 't13d1517h2_8daaf6152771_cb7bf5808d99')
      assert.deepEqual([wrong[1].got, wrong[2].got], [null, null])
    })
  }

  it('says when there is nothing to compare with', async () => {
    await assert.rejects(evalHello(tmpdir()), /Cannot find expected\.csv/)
  })
})
