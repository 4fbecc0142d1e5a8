/**
 * The console's address: `#/<page>` or `#/<page>/<decision id>`, kept in the hash so that any static
 * server will do.
 *
 * @module
 */
export const PAGES = ['overview', 'connections', 'decisions', 'upstreams'] as const
export type Page = (typeof PAGES)[number]

export interface Route {
  readonly page: Page
  /** The decision that is open in the panel, '' for none. */
  readonly decision: string
}

/** Crockford base 32, 26 characters: what a decision id looks like. */
const DECISION_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/** Anything it does not know is the overview. */
export function readRoute(hash: string): Route {
  const [name, id = ''] = hash.replace(/^#?\/?/, '').split('/')
  const page = PAGES.find((known) => known === name) ?? 'overview'
  return { page, decision: DECISION_ID.test(id) ? id : '' }
}

export function hashOf(page: Page, decision = ''): string {
  return decision === '' ? `#/${page}` : `#/${page}/${decision}`
}
