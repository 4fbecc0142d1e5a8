/**
 * Listeners that can all be taken away. Each is passive and captures: it neither holds the page up nor can be kept from
 * seeing. What a script made up (`isTrusted` is false) is counted, and goes to the few who ask for it.
 *
 * @module
 */

export class Listening {
  readonly #stops: (() => void)[] = []

  /** @param act is given trusted events */
  on<E extends Event>(target: EventTarget, types: string, act: (event: E) => void): void {
    this.all<E>(target, types, (event) => {
      if (event.isTrusted) act(event)
    })
  }

  /** @param types names, with spaces between. @param act is given events of scripts too */
  all<E extends Event>(target: EventTarget, types: string, act: (event: E) => void): void {
    const listener = act as (event: Event) => void
    for (const type of types.split(' ')) {
      target.addEventListener(type, listener, OPTIONS)
      this.#stops.push(() => target.removeEventListener(type, listener, OPTIONS))
    }
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }
}

const OPTIONS = { passive: true, capture: true }
