/**
 * A real browser: Chromium, headless, walking through the demo's pages as a visitor would.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS } from './chromium.ts'
import type { Client } from './tally.ts'

const PAUSE_MS = 400

export function browser(executablePath: string): Client {
  return async (target, signal, tally) => {
    const started = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
    const close = (): void => void started.close().catch(() => {})
    signal.addEventListener('abort', close, { once: true })
    try {
      const page = await started.newPage({ ignoreHTTPSErrors: true })
      page.on('response', (response) => tally.count(response.status()))
      while (!signal.aborted) await visit(page, `https://${target.host}:${target.port}`)
    } catch (error) {
      // Closing in the middle of a step is how it ends.
      if (!signal.aborted) throw error
    } finally {
      await started.close().catch(() => {})
    }
  }
}

async function visit(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.getByRole('button', { name: '30 requests without' }).click()
  await page.getByText(/ms each/).waitFor()
  await page.getByRole('link', { name: 'Live echo' }).click()
  const send = page.getByRole('button', { name: 'Send' })
  for (const text of ['hello', 'is anybody there?']) {
    await page.getByLabel('Text to send').fill(text)
    await send.click()
    await delay(PAUSE_MS)
  }
  await page.getByRole('link', { name: 'Form' }).click()
  await page.getByLabel('Name').fill('A visitor')
  await page.getByLabel('Message').fill('Passing by')
  await page.getByRole('button', { name: 'Send' }).click()
  await delay(PAUSE_MS)
}
