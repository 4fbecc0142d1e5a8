/**
 * `/.well-known/limen/behavior.js`: the collector of behavior, for pages whose visitors may agree to be told by how they
 * type, point, scroll and touch. Nothing is listened to before `consent()`, nothing is kept after `withdraw()`.
 *
 *     const { openBehavior } = await import('/.well-known/limen/behavior.js')
 *     const behavior = openBehavior()
 *     await behavior.consent() // when the visitor has agreed
 *
 * @module
 */
import { pageWorld } from './behavior-world.ts'
import { type Behavior, collectBehavior } from './collect-behavior.ts'

export interface BehaviorOptions {
  /** The `fetch` of a Limen session binds what is told to that session. By default a service worker does, or a cookie. */
  readonly fetch?: typeof fetch
}

/** Whatever the module's URL is called: two of it in one document are one collector. */
const OPEN = Symbol.for('limen.behavior')

/**
 * The collector of this document. Opened again (a component that is mounted twice, a script that is there twice) it is the
 * same one, with the options of the first time: two would tell each key twice, as a recording does.
 */
export function openBehavior(options: BehaviorOptions = {}): Behavior {
  const holder = document as { [OPEN]?: Behavior }
  holder[OPEN] ??= collectBehavior(pageWorld(options.fetch))
  return holder[OPEN]
}
