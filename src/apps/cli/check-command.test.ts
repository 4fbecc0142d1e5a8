import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { runCheck } from './check-command.ts'
import { EXIT } from './exit-code.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-check-'))
after(() => rmSync(folder, { recursive: true }))

it('limen check reads calendar files too', () => {
  const config = join(folder, 'limen.yaml')
  const check = () => {
    const said: string[] = []
    const code = runCheck(
      { config, output: 'text' },
      {},
      (text) => said.push(text),
      (text) => said.push(text),
    )
    return { code, said: said.join('\n') }
  }
  writeFileSync(
    config,
    `listeners: [{ name: web, address: 127.0.0.1:8080 }]
certificates: [{ localCa: [localhost] }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:3000 }] }]
routes: [{ pool: site }]
forecast: { calendars: [{ file: shop.ics }] }
`,
  )
  const { code, said } = check()
  assert.equal(code, EXIT.config)
  assert.match(said, /limen\.yaml:5:27: forecast\.calendars\[0\]\.file: no such file$/)
  writeFileSync(join(folder, 'shop.ics'), 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n')
  assert.equal(check().code, EXIT.done)
})
