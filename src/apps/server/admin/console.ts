/**
 * Serves the built console from `dist/console`; when it is not built, a page that says how.
 * The console itself lives in `src/apps/console`.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { PACKAGE_FOLDER } from '../version.ts'
import type { AdminApp } from './server.ts'

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Limen</title>
<h1>The console is not built</h1>
<p>Run <code>npm run build</code> in Limen's folder and start it again. The API works without it:
<a href="/openapi.json">/openapi.json</a>.</p></html>
`

export async function serveConsole(
  app: AdminApp,
  folder = join(PACKAGE_FOLDER, 'dist', 'console'),
): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.type('text/html; charset=utf-8').send(NOT_BUILT),
    )
    return
  }
  await app.register(fastifyStatic, {
    root: folder,
    // Its own names carry a hash of their content; the page that names them does not.
    setHeaders: (reply, path) => {
      const forever = path.includes('/assets/')
      reply.header('cache-control', forever ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
}
