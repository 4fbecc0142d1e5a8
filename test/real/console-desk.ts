/**
 * The console as somebody has it on their desk: a page in Chromium, what it complained about, and what axe finds wrong
 * on it.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

export const WIDE = { width: 1360, height: 1200 }
export const NARROW = { width: 400, height: 800 }
/** Evaluated in the page, because its own policy refuses a script tag. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')

/** What is thrown in the page, or blocked by its policy, from now on. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text())
  })
  return complaints
}

/** Ids and places of what axe finds wrong on the page as it is. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { target: string[] }[] }[] }> }
    }
    const found = (await axe.run()).violations
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(', ')}`)
  })
}
