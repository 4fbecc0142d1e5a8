/**
 * The notes of one demo server, in memory and bounded. Each server has its own: that is how a visitor
 * sees that the affinity cookie keeps them on one server.
 *
 * @module
 */

export interface Item {
  readonly id: number
  readonly text: string
}

export const ITEMS_MAX = 100
export const ITEM_CHARACTERS_MAX = 200

export class Items {
  readonly #items = new Map<number, Item>()
  #nextId = 1

  list(): readonly Item[] {
    return [...this.#items.values()]
  }

  get(id: number): Item | undefined {
    return this.#items.get(id)
  }

  /** Adds an item; when there are too many the oldest goes. */
  add(text: string): Item {
    const item = { id: this.#nextId++, text }
    this.#items.set(item.id, item)
    const [oldest] = this.#items.keys()
    if (this.#items.size > ITEMS_MAX && oldest !== undefined) this.#items.delete(oldest)
    return item
  }

  /** The changed item, or undefined when there is none with that id. */
  change(id: number, text: string): Item | undefined {
    if (!this.#items.has(id)) return undefined
    const item = { id, text }
    this.#items.set(id, item)
    return item
  }

  remove(id: number): boolean {
    return this.#items.delete(id)
  }
}

/** The text of `{ "text": "..." }`, or what is wrong with it. */
export function readItemText(
  body: Buffer,
): { readonly kind: 'text'; readonly text: string } | { readonly kind: 'wrong'; why: string } {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    return { kind: 'wrong', why: 'The body is not JSON' }
  }
  const text = typeof value === 'object' && value !== null && 'text' in value ? value.text : ''
  if (typeof text !== 'string' || text.trim() === '') {
    return { kind: 'wrong', why: 'The body needs a text: {"text": "..."}' }
  }
  if (text.length > ITEM_CHARACTERS_MAX) {
    return { kind: 'wrong', why: `A text has at most ${ITEM_CHARACTERS_MAX} characters` }
  }
  return { kind: 'text', text: text.trim() }
}
