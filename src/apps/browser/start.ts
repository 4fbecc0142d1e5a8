/**
 * Runs in the page that an edge answers a navigation without a session with: opens one, has the service worker take over,
 * and loads the place that was asked for. Errors are said in words.
 *
 * @module
 */
import { browserWorld } from './browser-world.ts'
import { SessionKeeper } from './session-keeper.ts'
import { controlled, registered } from './worker-registration.ts'

/** When we last loaded the page again: where a signed request was refused since, once more does not help. */
const LATELY_MS = 15_000
const LATELY = 'limen-started'

/** The page has a line for it; another page gets one. */
function say(text: string): void {
  const line =
    document.querySelector('[role=status]') ??
    document.body.appendChild(document.createElement('p'))
  line.setAttribute('role', 'status')
  line.textContent = text
}

async function start(): Promise<void> {
  const wasControlled = navigator.serviceWorker?.controller != null
  if (!isSecureContext) {
    say('This site needs a secure connection: please open it by https.')
    return
  }
  try {
    await new SessionKeeper(browserWorld('page'), {}).session()
  } catch (error) {
    say(`${sentence(error)} Please load the page again in a moment.`)
    return
  }
  try {
    await controlled(await registered(undefined))
  } catch (error) {
    say(
      `The part of this site that proves your session could not be installed in this browser. ${sentence(error)} ` +
        'In a private window, try an ordinary one.',
    )
    return
  }
  if (navigator.serviceWorker.controller === null) {
    say('The part of this site that proves your session did not start. Please load the page again.')
    return
  }
  const last = Number(sessionStorage.getItem(LATELY) ?? 0)
  if (wasControlled && Date.now() - last < LATELY_MS) {
    say('A session was opened, but the site refuses it. Please check the clock of this device.')
    return
  }
  sessionStorage.setItem(LATELY, String(Date.now()))
  location.reload()
}

function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

start().catch((error: unknown) => say(sentence(error)))
