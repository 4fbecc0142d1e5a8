/**
 * The picture of the console for the README: a demo of its own, a minute of real clients, one picture into
 * `docs/console.png`. `npm run screenshot`; needs Chromium.
 *
 * @module
 */
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { runScript, startDemoUnderTest } from '../test/real/demo-under-test.ts'
import { CHROMIUM_FLAGS, findChromium } from './demo-traffic/chromium.ts'

const PICTURE = join(import.meta.dirname, '..', 'docs', 'console.png')
/** The whole overview of a machine with two cores. */
const SIZE = { width: 1360, height: 960 }
/** The plots show a minute: all of it should hold traffic. */
const TRAFFIC_S = 75
const PICTURE_AFTER_MS = 70_000

process.exitCode = await main()

async function main(): Promise<number> {
  const executablePath = findChromium()
  if (executablePath === undefined) {
    console.error('Chromium is missing: install it, or say where it is in CHROMIUM')
    return 1
  }
  const demo = await startDemoUnderTest()
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  try {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
    await page.goto(`${demo.consoleUrl}/#/overview`)
    await page.getByLabel('1 min').check({ force: true })
    console.log(`Real clients for ${TRAFFIC_S} s`)
    const target = `127.0.0.1:${demo.sitePort}`
    const traffic = runScript('scripts/demo-traffic.ts', [
      ...['--seconds', String(TRAFFIC_S)],
      ...['--target', target],
    ])
    await page.waitForTimeout(PICTURE_AFTER_MS)
    await page.screenshot({ path: PICTURE })
    await traffic
    console.log(`Written to ${PICTURE}`)
    return 0
  } finally {
    await browser.close()
    await demo.close()
  }
}
