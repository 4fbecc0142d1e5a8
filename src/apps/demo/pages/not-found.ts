/**
 * What an unknown path gets: a page for browsers, problem details for programs.
 *
 * @module
 */
import { html } from '../html.ts'
import { type Exchange, sendHtml, sendProblem } from '../reply.ts'
import { page } from './layout.ts'

export function showNotFound(exchange: Exchange): void {
  if (!(exchange.request.headers.accept ?? '').includes('text/html')) {
    sendProblem(exchange, 404, 'There is nothing at this path')
    return
  }
  const main = html`<section class="hero">
<h1>Nothing here.</h1>
<p class="lead">There is no page at <code>${exchange.url.pathname.slice(0, 200)}</code>.
<a href="/">Back to the start</a></p>
</section>`
  const { server } = exchange
  sendHtml(exchange, 404, page({ title: 'Not found', server, path: '', main }))
}
