/**
 * Safe HTML: a tagged template in which every value is escaped unless it is itself `Html`.
 * There is no way in from a plain string; that is the point.
 *
 * @module
 */

/** Markup that is known to be well escaped. Only `html` makes it. */
export class Html {
  readonly #markup: string
  constructor(strings: readonly string[], values: readonly HtmlValue[]) {
    let markup = strings[0] ?? ''
    for (const [index, value] of values.entries()) {
      markup += render(value) + (strings[index + 1] ?? '')
    }
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

export type HtmlValue = string | number | Html | undefined | readonly HtmlValue[]

/** `html\`<p>${name}</p>\``: text and attribute values (in double quotes) are both safe. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings, values)
}

function render(value: HtmlValue): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value))
  return value.map(render).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
