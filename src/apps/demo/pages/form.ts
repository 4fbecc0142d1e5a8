/**
 * A form that is posted, checked and shown back. Nothing is kept.
 *
 * @module
 */
import { bodyOf } from '../api.ts'
import { type Html, html } from '../html.ts'
import { type Exchange, sendHtml } from '../reply.ts'
import { page } from './layout.ts'

const NAME_CHARACTERS_MAX = 40
const MESSAGE_CHARACTERS_MAX = 500

interface Entry {
  readonly name: string
  readonly message: string
}

type Errors = { readonly [field in keyof Entry]?: string }

export function showForm(exchange: Exchange): void {
  sendForm(exchange, 200, { name: '', message: '' }, {})
}

export async function submitForm(exchange: Exchange): Promise<void> {
  const bytes = await bodyOf(exchange)
  if (bytes === undefined) return
  const fields = new URLSearchParams(bytes.toString('utf8'))
  const read = (name: string): string => (fields.get(name) ?? '').trim()
  const entry = { name: read('name'), message: read('message') }
  const errors = check(entry)
  if (Object.keys(errors).length > 0) {
    sendForm(exchange, 422, entry, errors)
    return
  }
  const main = html`<section class="hero">
<h1>Thank you, ${entry.name}.</h1>
<p class="lead">Server ${exchange.server} received this, and forgets it now:</p>
<blockquote>${entry.message}</blockquote>
<p><a href="/form">Write another</a></p>
</section>`
  sendHtml(exchange, 200, page({ title: 'Received', server: exchange.server, path: '/form', main }))
}

export function check(entry: Entry): Errors {
  const name =
    entry.name === ''
      ? 'Please tell us a name'
      : entry.name.length > NAME_CHARACTERS_MAX
        ? `A name has at most ${NAME_CHARACTERS_MAX} characters`
        : undefined
  const message =
    entry.message === ''
      ? 'Please write a message'
      : entry.message.length > MESSAGE_CHARACTERS_MAX
        ? `A message has at most ${MESSAGE_CHARACTERS_MAX} characters`
        : undefined
  return {
    ...(name === undefined ? {} : { name }),
    ...(message === undefined ? {} : { message }),
  }
}

function sendForm(exchange: Exchange, status: number, entry: Entry, errors: Errors): void {
  const main = html`<section class="hero">
<h1>Post a form.</h1>
<p class="lead">A request with a body, through the edge and back. The server checks it and shows it
to you; nothing is kept.</p>
</section>
<form method="post" action="/form" novalidate>
${field('name', 'Name', errors.name, html`<input id="name" name="name" value="${entry.name}" maxlength="${NAME_CHARACTERS_MAX}" autocomplete="name" required ${describedBy('name', errors.name)}>`)}
${field('message', 'Message', errors.message, html`<textarea id="message" name="message" rows="5" maxlength="${MESSAGE_CHARACTERS_MAX}" required ${describedBy('message', errors.message)}>${entry.message}</textarea>`)}
<p class="actions"><button type="submit">Send</button></p>
</form>`
  const title = status === 200 ? 'Form' : 'Please correct'
  sendHtml(exchange, status, page({ title, server: exchange.server, path: '/form', main }))
}

function field(id: string, label: string, error: string | undefined, control: Html): Html {
  const message =
    error === undefined ? undefined : html`<p class="error" id="${id}-error">${error}</p>`
  return html`<div class="field"><label for="${id}">${label}</label>${control}${message}</div>`
}

function describedBy(id: string, error: string | undefined): Html | undefined {
  if (error === undefined) return undefined
  return html`aria-invalid="true" aria-describedby="${id}-error"`
}
