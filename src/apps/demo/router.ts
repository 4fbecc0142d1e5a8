/**
 * Which handler answers a request. A pattern is an exact path, or a prefix that ends in `/*`;
 * the first match wins.
 *
 * @module
 */
import { type Exchange, sendProblem } from './reply.ts'

export type Handler = (exchange: Exchange) => void | Promise<void>

export interface Route {
  /** `*` takes any method. GET also answers HEAD. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | '*'
  readonly pattern: string
  readonly handler: Handler
}

export async function answer(
  routes: readonly Route[],
  found: Omit<Exchange, 'rest'>,
  notFound: Handler,
): Promise<void> {
  const allowed = new Set<string>()
  for (const route of routes) {
    const rest = matchPath(route.pattern, found.url.pathname)
    if (rest === undefined) continue
    if (accepts(route.method, found.request.method ?? '')) {
      return route.handler({ ...found, rest })
    }
    allowed.add(route.method === 'GET' ? 'GET, HEAD' : route.method)
  }
  const exchange = { ...found, rest: '' }
  if (allowed.size === 0) return notFound(exchange)
  found.response.setHeader('allow', [...allowed].join(', '))
  sendProblem(exchange, 405, 'That method is not allowed here')
}

/** What `*` stands for ('' without one), or undefined when the path does not match. */
export function matchPath(pattern: string, path: string): string | undefined {
  if (!pattern.endsWith('/*')) return path === pattern ? '' : undefined
  const prefix = pattern.slice(0, -1)
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined
}

function accepts(routeMethod: string, method: string): boolean {
  return (
    routeMethod === '*' || routeMethod === method || (routeMethod === 'GET' && method === 'HEAD')
  )
}
