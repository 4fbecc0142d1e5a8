/**
 * The console's address: `#/<page>` or `#/<page>/<id of a decision or profile>`, kept in the hash so that any static
 * server will do.
 *
 * @module
 */
export const PAGES = [
  'overview',
  'connections',
  'clients',
  'sessions',
  'decisions',
  'upstreams',
  'forecast',
] as const
export type Page = (typeof PAGES)[number]

export interface Route {
  readonly page: Page
  /** The decision that is open in the panel, '' for none. */
  readonly decision: string
  /** The profile that is open in the panel, '' for none. */
  readonly profile: string
}

/** Crockford base 32, 26 characters: what a decision id looks like. */
const DECISION_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/** What the id of a profile looks like. */
const PROFILE_ID = /^[0-9a-f]{16}$/

/** Anything it does not know is the overview. */
export function readRoute(hash: string): Route {
  const [name, id = ''] = hash.replace(/^#?\/?/, '').split('/')
  const page = PAGES.find((known) => known === name) ?? 'overview'
  return {
    page,
    decision: DECISION_ID.test(id) ? id : '',
    profile: PROFILE_ID.test(id) ? id : '',
  }
}

/** `id`: of a decision, or of a profile. */
export function hashOf(page: Page, id = ''): string {
  return id === '' ? `#/${page}` : `#/${page}/${id}`
}
