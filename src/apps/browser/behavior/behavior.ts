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

export function openBehavior(options: BehaviorOptions = {}): Behavior {
  return collectBehavior(pageWorld(options.fetch))
}
