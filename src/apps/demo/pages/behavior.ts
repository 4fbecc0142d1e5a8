/**
 * The page on which visitors watch what is made of how they type and point, once they agree; `static/behavior.js` does it.
 * What is written here is kept nowhere.
 *
 * @module
 */
import { bodyOf } from '../api.ts'
import { html } from '../html.ts'
import { type Exchange, sendHtml } from '../reply.ts'
import { page } from './layout.ts'

export function showBehavior(exchange: Exchange): void {
  const main = html`<section class="hero">
<h1>How you <em>type and point</em>.</h1>
<p class="lead">If you agree, this page tells its edge how you move: when keys go down and up, how the pointer travels. Not
which keys, not what you write. The edge compares it with how you did before.</p>
</section>
<section aria-labelledby="agree">
<h2 id="agree">Your choice</h2>
<p><label class="choice"><input type="checkbox" role="switch" data-consent disabled> I agree that my typing and pointing is looked at</label></p>
<p class="quiet" data-state role="status">Nothing is collected.</p>
<noscript><p>Without JavaScript nothing is collected, and there is no score to watch.</p></noscript>
</section>
<section aria-labelledby="score">
<h2 id="score">What the edge makes of it</h2>
<dl class="facts">
<div><dt>Tier</dt><dd data-tier>not known</dd></div>
<div><dt>Score</dt><dd data-score>not known</dd></div>
<div><dt>Confidence</dt><dd data-confidence>not known</dd></div>
<div><dt>Reasons</dt><dd data-reasons>none</dd></div>
</dl>
</section>
<section aria-labelledby="login">
<h2 id="login">Log in, for show</h2>
<p class="quiet">Any name will do: the edge then compares you with how somebody of that name was before.</p>
<form method="post" action="/behavior" data-form>
<div class="field"><label for="user">Name</label><input id="user" name="user" maxlength="40" pattern="[A-Za-z0-9_.\\-]+" autocomplete="off" required></div>
<div class="field"><label for="pass">Password, please none of yours</label><input id="pass" name="pass" type="password" autocomplete="off"></div>
<p class="actions"><button type="submit">Log in</button></p>
<p class="quiet" data-sent role="status"></p>
</form>
</section>
<section aria-labelledby="write">
<h2 id="write">Write something</h2>
<div class="field"><label for="words">A few sentences</label><textarea id="words" rows="5" autocomplete="off"></textarea></div>
</section>
<section aria-labelledby="draw">
<h2 id="draw">Draw something</h2>
<p class="quiet" id="how">With a mouse, a finger or a pen. There is nothing to miss for who uses none.</p>
<canvas class="drawing" width="720" height="320" data-drawing role="img" aria-label="Your drawing" aria-describedby="how"></canvas>
<p class="actions"><button type="button" data-clear disabled>Clear</button></p>
</section>`
  const { server } = exchange
  const scripts = ['behavior.js']
  sendHtml(exchange, 200, page({ title: 'Behavior', server, path: '/behavior', main, scripts }))
}

/** Logs in whoever asks, under any name; the edge is told in a field that it keeps to itself. The password is not looked at. */
export async function submitBehavior(exchange: Exchange): Promise<void> {
  const bytes = await bodyOf(exchange)
  if (bytes === undefined) return
  const name = new URLSearchParams(bytes.toString('utf8')).get('user') ?? ''
  bytes.fill(0)
  if (NAME.test(name)) exchange.response.setHeader('limen-user', name)
  exchange.response.writeHead(303, { location: '/behavior', 'content-length': 0 }).end()
}

/** As it goes into a field. */
const NAME = /^[\w.-]{1,40}$/
