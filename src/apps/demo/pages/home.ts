/**
 * The home page: the visitor's own handshake, explained to them.
 *
 * @module
 */
import { type Html, html } from '../html.ts'
import { readJa4 } from '../read-ja4.ts'
import { type Exchange, sendHtml } from '../reply.ts'
import { readVisitor, type Visitor } from '../visitor.ts'
import { page } from './layout.ts'

const TIER_MEANING: Readonly<Record<string, string>> = {
  '1': 'ordinary: you share the resources of everyone',
  '2': 'stricter: a little more is asked of you',
  '3': 'isolated: you are served apart from the others',
}

export function showHome(exchange: Exchange): void {
  const visitor = readVisitor(exchange.request.headers)
  const main = html`
${hero(visitor)}
${visitor.ja4 === '' ? undefined : fingerprint(visitor)}
${visitor.throughLimen ? decision(visitor) : undefined}
${spread(exchange.server)}
${trouble()}`
  const title = 'Your handshake'
  const scripts = ['spread.js']
  sendHtml(exchange, 200, page({ title, server: exchange.server, path: '/', main, scripts }))
}

function hero(visitor: Visitor): Html {
  if (!visitor.throughLimen) {
    return html`<section class="hero">
<h1>You came around the edge.</h1>
<p class="lead">This request did not pass Limen, so nobody looked at your handshake. Come in by
<a href="https://127.0.0.1:8443/">https://127.0.0.1:8443</a> instead.</p>
</section>`
  }
  if (visitor.ja4 === '') {
    return html`<section class="hero">
<h1>You arrived without a handshake.</h1>
<p class="lead">Plain HTTP says little about who is speaking. Come in by
<a href="https://127.0.0.1:8443/">https://127.0.0.1:8443</a> and Limen will read your TLS hello.</p>
</section>`
  }
  const name = visitor.client
  return html`<section class="hero">
<h1>${name === '' ? 'You arrived as somebody new.' : html`You look like <em>${name}</em>.`}</h1>
<p class="lead">Before this page was asked for, your software said hello in TLS. Limen read that
hello on its way and ${name === '' ? 'did not recognise its shape' : html`recognised its shape`}.
It needed no cookie, no script and no secret of yours: every visitor sends it in the clear.</p>
</section>`
}

function fingerprint(visitor: Visitor): Html {
  const parts = readJa4(visitor.ja4)
  return html`<section aria-labelledby="fingerprint">
<h2 id="fingerprint">Your fingerprint</h2>
<p class="ja4"><code>${visitor.ja4}</code></p>
<dl class="parts">${parts.map(
    (part) => html`
<div><dt><code>${part.characters}</code> ${part.name}</dt><dd>${part.meaning}</dd></div>`,
  )}
</dl>
<p class="note">This notation is JA4. The same browser on another machine has the same one: it names
software, not people. Your browser calls itself
<q>${visitor.userAgent === '' ? 'nothing at all' : visitor.userAgent}</q>; the hello is harder to
make up than that line.</p>
</section>`
}

function decision(visitor: Visitor): Html {
  const tier = visitor.tier === '' ? '?' : visitor.tier
  return html`<section aria-labelledby="decision">
<h2 id="decision">What Limen decided</h2>
<dl class="facts">
<div><dt>Tier</dt><dd><span class="tier tier-${tier}">${tier}</span> ${TIER_MEANING[tier] ?? 'not known'}</dd></div>
<div><dt>Score</dt><dd>${visitor.score || 'none'} <span class="quiet">0 is ordinary; each point is ten times rarer among honest clients</span></dd></div>
<div><dt>Your address</dt><dd><code>${visitor.address || 'not told'}</code> <span class="quiet">by ${visitor.scheme}</span></dd></div>
<div><dt>Decision</dt><dd><code>${visitor.decision}</code></dd></div>
</dl>
<p class="note">Every connection gets one such record. To read why, run
<code>limen decisions explain ${visitor.decision}</code>, or look it up in
<a href="http://127.0.0.1:9440/#/decisions/${visitor.decision}">the console</a>.</p>
</section>`
}

function spread(server: string): Html {
  return html`<section aria-labelledby="spread">
<h2 id="spread">Who answers</h2>
<p>Server <strong>${server}</strong> sent this page. With the affinity cookie you stay with it; a
client that keeps no cookie is spread over all three.</p>
<p class="actions">
<button type="button" data-spread="same-origin">30 requests with the cookie</button>
<button type="button" data-spread="omit">30 requests without</button>
</p>
<ol class="answers" data-answers aria-label="Servers that answered"></ol>
<p class="note" data-summary role="status">Nothing asked yet.</p>
</section>`
}

function trouble(): Html {
  return html`<section aria-labelledby="trouble">
<h2 id="trouble">Cause some trouble</h2>
<ul class="links">
<li><a href="/slow?ms=2000">/slow?ms=2000</a> answers after two seconds</li>
<li><a href="/fail?status=503">/fail?status=503</a> fails</li>
<li><a href="/drop">/drop</a> hangs up without a word; the edge answers for it</li>
<li><a href="/large?bytes=1000000">/large?bytes=1000000</a> sends a megabyte</li>
<li><a href="/api/echo">/api/echo</a> shows what an upstream really receives</li>
</ul>
</section>`
}
