/**
 * Collects behavior in a page between `consent()` and `withdraw()`: puts the watches, the queue and the sender together.
 *
 * @module
 */
import type { BehaviorContext } from '../../../wire/behavior-batch.ts'
import { BatchSender, type BehaviorMode } from './batch-sender.ts'
import type { BehaviorWorld } from './behavior-world.ts'
import { ContactWatch } from './contact-watch.ts'
import { FieldWatch } from './field-watch.ts'
import { Listening } from './listening.ts'
import { MouseWatch } from './mouse-watch.ts'
import { PageWatch } from './page-watch.ts'
import { RecordQueue } from './record-queue.ts'
import { TypingWatch } from './typing-watch.ts'

export interface Behavior {
  /** What happens now: `off` before consent, after it was withdrawn, and where the site or the browser does not take part. */
  readonly mode: BehaviorMode
  /**
   * The visitor agrees. Never rejects.
   *
   * @param to `bot-only`: to be told from programs, without a profile of the person
   * @returns what is collected: at most what both the visitor and the site want
   */
  consent(to?: 'profile' | 'bot-only'): Promise<BehaviorMode>
  /** Stops at once and forgets what was not sent. */
  withdraw(): void
}

export function collectBehavior(world: BehaviorWorld): Behavior {
  let collecting: Collecting | undefined
  return {
    get mode() {
      return collecting?.mode ?? 'off'
    },
    async consent(to = 'profile') {
      collecting?.stop()
      const begun = new Collecting(world, to)
      collecting = begun
      return await begun.begin()
    },
    withdraw() {
      collecting?.stop()
      collecting = undefined
    },
  }
}

class Collecting {
  mode: BehaviorMode = 'off'
  readonly #world: BehaviorWorld
  readonly #wanted: 'profile' | 'bot-only'
  readonly #listening = new Listening()
  readonly #queue = new RecordQueue()
  readonly #sender: BatchSender
  #context: BehaviorContext | undefined
  #isStopped = false
  #flush: () => void = () => {}
  #isBusy: () => boolean = () => false

  constructor(world: BehaviorWorld, wanted: 'profile' | 'bot-only') {
    this.#world = world
    this.#wanted = wanted
    this.#sender = new BatchSender(world, {
      botOnly: () => this.mode !== 'profile',
      isBusy: () => this.#isBusy(),
      take: () => this.#take(),
      onOff: () => this.stop(),
    })
  }

  async begin(): Promise<BehaviorMode> {
    if (!this.#world.isSecure) return 'off'
    const [mode, context] = await Promise.all([this.#sender.begin(), this.#world.context()])
    if (mode === 'off' || this.#isStopped) {
      this.stop()
      return 'off'
    }
    this.mode = this.#wanted === 'bot-only' ? 'bot-only' : mode
    this.#context = this.mode === 'profile' ? context : { ...context, keyboard: 'unknown' }
    this.#listen()
    return this.mode
  }

  stop(): void {
    this.#isStopped = true
    this.mode = 'off'
    this.#listening.stop()
    this.#sender.end()
    this.#queue.clear()
  }

  #listen(): void {
    const { window, document } = this.#world
    const fields = new FieldWatch(this.#queue, document, () => this.#world.now())
    const typing = new TypingWatch(this.#queue, fields)
    const mouse = new MouseWatch(this.#queue)
    const contacts = new ContactWatch(this.#queue)
    const page = new PageWatch(this.#queue, this.#world)
    // Before the watches that ask it when a key was pressed.
    typing.listen(this.#listening, window)
    fields.listen(this.#listening, document)
    mouse.listen(this.#listening, window)
    contacts.listen(this.#listening, window)
    page.listen(this.#listening)
    this.#flush = () => {
      fields.look()
      mouse.flush()
      page.flush()
    }
    this.#isBusy = () => typing.isBusy(this.#world.now())
    const leave = (last: boolean) => {
      typing.endAll()
      contacts.endAll()
      this.#sender.leave(last)
    }
    this.#listening.on(window, 'pagehide', () => leave(true))
    this.#listening.on(document, 'visibilitychange', () => {
      if (document.visibilityState === 'hidden') leave(false)
    })
  }

  #take(): Uint8Array<ArrayBuffer> | undefined {
    const context = this.#context
    if (context === undefined) return undefined
    this.#flush()
    const isProfile = this.mode === 'profile'
    const place = isProfile ? hash16(this.#world.path) : 0
    return this.#queue.take(this.#world.now(), context, place, isProfile)
  }
}

/** FNV-1a of 32 bits, folded. */
function hash16(text: string): number {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return ((hash >>> 16) ^ hash) & 0xffff
}
