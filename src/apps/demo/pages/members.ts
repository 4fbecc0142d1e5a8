/**
 * A page that Limen serves under a session key only (`demo.yaml`): shows what the edge tells this server about who asks.
 * Read, not verified: `examples/session-keys` shows an application that does.
 *
 * @module
 */
import { type Html, html } from '../html.ts'
import { type Exchange, sendHtml } from '../reply.ts'
import { page } from './layout.ts'

/** What a `Limen-Assertion` says, as far as it is shown. */
interface Member {
  readonly session: string
  readonly generation: number
  readonly level: string
  readonly tier: number
}

export function showMembers(exchange: Exchange): void {
  const { 'limen-assertion': assertion } = exchange.request.headers
  const member = readMember(typeof assertion === 'string' ? assertion : '')
  const main = member === undefined ? stranger() : welcome(member)
  sendHtml(
    exchange,
    200,
    page({ title: 'Members', server: exchange.server, path: '/members', main }),
  )
}

/** The claims of a compact JWT; undefined when they are not those of an assertion. Never throws. */
function readMember(assertion: string): Member | undefined {
  try {
    const [, claims = ''] = assertion.split('.')
    const read: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString())
    if (typeof read !== 'object' || read === null) return undefined
    const { sid, gen, level, tier } = read as Record<string, unknown>
    if (typeof sid !== 'string' || typeof level !== 'string') return undefined
    if (typeof gen !== 'number' || typeof tier !== 'number') return undefined
    return { session: sid.slice(0, 32), generation: gen, level: level.slice(0, 16), tier }
  } catch {
    return undefined
  }
}

function welcome({ session, generation, level, tier }: Member): Html {
  return html`<section class="hero">
<h1>Only you could ask for this.</h1>
<p class="lead">Your browser made a key of its own that cannot leave it, and signed this request with it. Limen checked the
signature, that it was used once, and told this server who asks. A copy of any request is worth nothing; the key is
exchanged for a new one every few minutes, and at once when something is wrong.</p>
</section>
<section aria-labelledby="said">
<h2 id="said">What this server was told</h2>
<dl class="parts">
<div><dt>Session</dt><dd><code>${session}</code></dd></div>
<div><dt>Generation of the key</dt><dd>${String(generation)}</dd></div>
<div><dt>Assurance</dt><dd>${level === 'proof' ? 'each request is signed' : level}</dd></div>
<div><dt>Tier</dt><dd>${String(tier)}</dd></div>
</dl>
<p>The console on <a href="http://127.0.0.1:9440/">127.0.0.1:9440</a> shows the session, and can end it.</p>
</section>`
}

function stranger(): Html {
  return html`<section class="hero">
<h1>Nobody says who you are.</h1>
<p class="lead">This request did not come under a session key: it went around the edge. Come in by
<a href="https://127.0.0.1:8443/members">https://127.0.0.1:8443/members</a> instead.</p>
</section>`
}
