/**
 * Asks a path again and again while the page is visible, and keeps the last good answer when one fails.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Failure, getJson } from './request.ts'

export interface Polled<T> {
  /** The last good answer, `undefined` before the first. */
  readonly value: T | undefined
  /** Why the newest attempt failed, `undefined` when it did not. */
  readonly failure: Failure | undefined
  /** Asks now, for example after a change. */
  refresh(): void
}

/** What is not there is switched off, or gone for good, and who is refused signs in first: seldom does another answer come by itself. */
const REFUSED_EVERY_MS = 60_000
const REFUSED: ReadonlySet<Failure['kind']> = new Set(['missing', 'unauthorised', 'forbidden'])

export function usePoll<T>(path: string, everyMs: number, session: number): Polled<T> {
  const [value, setValue] = useState<T | undefined>(undefined)
  const [failure, setFailure] = useState<Failure | undefined>(undefined)
  const refresh = useRef<() => void>(() => {})

  // `session` changes on sign-in: what was refused before is asked again at once.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let stopped = false
    let round = 0
    const ask = async (): Promise<void> => {
      clearTimeout(timer)
      round += 1
      const mine = round
      const outcome = await getJson<T>(path)
      if (stopped || mine !== round) return
      if (outcome.kind === 'ok') setValue(outcome.value)
      setFailure(outcome.kind === 'ok' ? undefined : outcome.failure)
      const isRefused = outcome.kind !== 'ok' && REFUSED.has(outcome.failure.kind)
      const pauseMs = isRefused ? Math.max(everyMs, REFUSED_EVERY_MS) : everyMs
      if (!document.hidden) timer = setTimeout(() => void ask(), pauseMs)
    }
    const onVisible = (): void => {
      if (!document.hidden) void ask()
    }
    refresh.current = () => void ask()
    document.addEventListener('visibilitychange', onVisible)
    void ask()
    return () => {
      stopped = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [path, everyMs, session])

  return { value, failure, refresh: () => refresh.current() }
}
