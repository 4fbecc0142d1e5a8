/**
 * The console's address: `#/<page>` or `#/<page>/<id of what is open beside it>`, kept in the hash so that any static
 * server will do.
 *
 * @module
 */
export const PAGES = [
  'overview',
  'connections',
  'clients',
  'sessions',
  'people',
  'decisions',
  'upstreams',
  'forecast',
  'custody',
  'devices',
] as const
export type Page = (typeof PAGES)[number]

export interface Route {
  readonly page: Page
  /** The decision that is open in the panel, '' for none. */
  readonly decision: string
  /** The profile that is open in the panel, '' for none. */
  readonly profile: string
  /** The person that is open in the panel, '' for none. */
  readonly person: string
  /** The captured request that is open in the panel, '' for none. */
  readonly capture: string
}

/** Crockford base 32, 26 characters: what a decision id looks like. */
const DECISION_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/** What the id of a profile looks like. */
const PROFILE_ID = /^[0-9a-f]{16}$/

/** And that of a person. */
const PERSON_ID = /^[0-9a-f]{32}$/

/** Anything it does not know is the overview. */
export function readRoute(hash: string): Route {
  const [name, id = ''] = hash.replace(/^#?\/?/, '').split('/')
  const page = PAGES.find((known) => known === name) ?? 'overview'
  const ulid = DECISION_ID.test(id) ? id : ''
  return {
    page,
    // On the page of people it is one of a captured request.
    decision: page === 'people' ? '' : ulid,
    capture: page === 'people' ? ulid : '',
    profile: PROFILE_ID.test(id) ? id : '',
    person: PERSON_ID.test(id) ? id : '',
  }
}

/** `id`: of a decision, a captured request, a profile or a person. */
export function hashOf(page: Page, id = ''): string {
  return id === '' ? `#/${page}` : `#/${page}/${id}`
}
