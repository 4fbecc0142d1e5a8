/**
 * The page with the WebSocket echo; `static/echo.js` does the talking.
 *
 * @module
 */
import { html } from '../html.ts'
import { type Exchange, sendHtml } from '../reply.ts'
import { page } from './layout.ts'

export function showLive(exchange: Exchange): void {
  const main = html`<section class="hero">
<h1>A line that stays open.</h1>
<p class="lead">This page holds a WebSocket through the edge. What you send comes back from the
server, with the time it took.</p>
</section>
<section aria-labelledby="echo">
<h2 id="echo">Echo <span class="state" data-state role="status">connecting</span></h2>
<form class="line" data-form>
<label class="hidden" for="text">Text to send</label>
<input id="text" name="text" maxlength="1000" autocomplete="off" placeholder="Say something" required>
<button type="submit" disabled>Send</button>
</form>
<div class="log" data-log role="log" aria-label="Messages" tabindex="0"></div>
<noscript><p>This page needs JavaScript.</p></noscript>
</section>`
  const scripts = ['echo.js']
  const { server } = exchange
  sendHtml(exchange, 200, page({ title: 'Live echo', server, path: '/live', main, scripts }))
}
