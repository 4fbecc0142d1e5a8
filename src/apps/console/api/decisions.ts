/**
 * Decisions, newest first: a page of the log, then the stream. Events are gathered for a moment so that
 * a flood of handshakes does not become a flood of drawing.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Decision } from '../../../behavior/decision.ts'
import { mergeDecisions } from '../decision-filter.ts'
import { type Failure, getJson } from './request.ts'
import { listen, type StreamState } from './stream.ts'

export interface DecisionFeed {
  readonly decisions: readonly Decision[]
  readonly state: StreamState
  readonly failure: Failure | undefined
  readonly loaded: boolean
  /** Decisions that came while paused and are not shown yet. */
  readonly held: number
  /** False when the log has no older ones. */
  readonly hasOlder: boolean
  loadOlder(): void
}

const PAGE_SIZE = 100
const GATHER_MS = 250
/** Held back while paused; more than that and the oldest of them are left to the log. */
const HELD_MAX = 1000

interface State {
  readonly decisions: readonly Decision[]
  readonly failure: Failure | undefined
  readonly loaded: boolean
  readonly hasOlder: boolean
}

const NOTHING: State = { decisions: [], failure: undefined, loaded: false, hasOlder: false }

export function useDecisions(paused: boolean, session: number): DecisionFeed {
  const [feed, setFeed] = useState<State>(NOTHING)
  const [streamState, setStreamState] = useState<StreamState>('connecting')
  const [held, setHeld] = useState(0)
  const waiting = useRef<Decision[]>([])
  const isPaused = useRef(paused)
  isPaused.current = paused

  const loadPage = async (before: string): Promise<void> => {
    const query = before === '' ? '' : `&before=${before}`
    const outcome = await getJson<readonly Decision[]>(`v1/decisions?limit=${PAGE_SIZE}${query}`)
    setFeed((known) =>
      outcome.kind === 'ok'
        ? {
            decisions: mergeDecisions(known.decisions, outcome.value),
            failure: undefined,
            loaded: true,
            hasOlder: outcome.value.length === PAGE_SIZE,
          }
        : { ...known, failure: outcome.failure, loaded: true },
    )
  }

  // `session` counts sign-ins: each starts anew.
  useEffect(() => {
    const stop = listen<Decision>('v1/decisions/stream', {
      onEvent: (decision) => {
        waiting.current.push(decision)
        if (waiting.current.length > HELD_MAX) waiting.current.shift()
      },
      onState: (state) => {
        setStreamState(state)
        if (state !== 'connecting') void loadPage('')
      },
    })
    const timer = setInterval(() => {
      if (isPaused.current) {
        setHeld(waiting.current.length)
        return
      }
      setHeld(0)
      const gathered = waiting.current.splice(0)
      if (gathered.length === 0) return
      setFeed((known) => ({ ...known, decisions: mergeDecisions(known.decisions, gathered) }))
    }, GATHER_MS)
    return () => {
      stop()
      clearInterval(timer)
    }
  }, [session])

  const loadOlder = (): void => void loadPage(feed.decisions.at(-1)?.id ?? '')
  return { ...feed, state: streamState, held, loadOlder }
}
