/**
 * Whether what a client says it is (User-Agent) can be the software that shook hands. Evidence, not proof: a proxy
 * that opens TLS in a company or an antivirus makes honest browsers differ; so what is not known on either side
 * says nothing.
 *
 * @module
 */

interface Software {
  /** How it calls itself. */
  readonly says: RegExp
  /** What `guessClient` (`behavior/handshake/known-clients.ts`) calls its handshakes; empty: by many. */
  readonly shakes: readonly string[]
}

/** The first that matches counts: nearly all call themselves Mozilla, and Chromium calls itself Safari. */
const KNOWN: readonly Software[] = [
  // On iOS every browser is WebKit.
  { says: /\b(?:CriOS|FxiOS|EdgiOS|OPiOS)\//, shakes: ['Safari'] },
  { says: /\bFirefox\/\d/, shakes: ['Firefox'] },
  { says: /\b(?:Chrome|Chromium|HeadlessChrome)\/\d/, shakes: ['Chromium'] },
  { says: /\bVersion\/\d.*\bSafari\/\d/, shakes: ['Safari'] },
  { says: /^Go-http-client\/\d/, shakes: ['Go'] },
  { says: /^Java(?:-http-client)?\/\d/, shakes: ['Java'] },
  // Built with one of many TLS libraries: only the handshake of a browser cannot be theirs.
  { says: /^curl\/\d/, shakes: [] },
  { says: /^Wget\/\d/, shakes: [] },
  { says: /^(?:python-requests|Python-urllib|python-httpx|aiohttp)\/\d/, shakes: [] },
  { says: /^(?:node|undici|axios\/\d)/, shakes: [] },
]

const BROWSERS: readonly string[] = ['Chromium', 'Firefox', 'Safari']

/**
 * @param userAgent the field's value, '' when there is none
 * @param client what the handshake looks like, '' when it is not known
 * @returns undefined when nothing can be said
 */
export function userAgentFits(userAgent: string, client: string): boolean | undefined {
  if (client === '') return undefined
  const software = KNOWN.find(({ says }) => says.test(userAgent))
  if (software === undefined) return undefined
  if (software.shakes.includes(client)) return true
  if (software.shakes.length > 0) return false
  return !BROWSERS.includes(client)
}
