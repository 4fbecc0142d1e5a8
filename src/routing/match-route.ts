/**
 * Host and path -> pool. First match wins.
 *
 * @module
 */

export interface Route {
  /** Exact, `*.example.org`, or '' for any; lower case, no port. */
  readonly host: string
  /** A prefix that ends on a segment border: `/api` matches `/api` and `/api/x`, not `/apix`. */
  readonly path: string
  readonly pool: string
}

/** The name in a Host field or :authority: lower case, without port and trailing dot. */
export function hostName(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':')
  const name = (end > 0 ? authority.slice(0, end) : authority).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** The first route that takes `host` (see {@link hostName}) and `path` (query included or not). */
export function matchRoute<R extends Route>(
  routes: readonly R[],
  host: string,
  path: string,
): R | undefined {
  for (const route of routes) {
    if (takesHost(route.host, host) && takesPath(route.path, path)) return route
  }
  return undefined
}

function takesHost(pattern: string, host: string): boolean {
  if (pattern === '' || pattern === host) return true
  return (
    pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host.length >= pattern.length
  )
}

function takesPath(prefix: string, path: string): boolean {
  if (prefix === '/' || prefix === '') return true
  if (!path.startsWith(prefix)) return false
  const next = path.charAt(prefix.length)
  return prefix.endsWith('/') || next === '' || next === '/' || next === '?'
}
