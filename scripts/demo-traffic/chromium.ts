/**
 * Where Chromium is on this machine, and how to start it so that it talks to nobody but us.
 *
 * @module
 */
import { accessSync, constants } from 'node:fs'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** The `CHROMIUM` of the environment, or the first that is found; `undefined` without one. */
export function findChromium(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const { CHROMIUM: wished } = environment
  return (wished === undefined || wished === '' ? PLACES : [wished]).find(isExecutable)
}

/** Headless, without QUIC (which would not pass the edge), and without calls home. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
