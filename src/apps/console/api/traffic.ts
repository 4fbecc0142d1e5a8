/**
 * Traffic second by second: the history first, then the stream; after a cut the history again.
 *
 * @module
 */
import { useEffect, useState } from 'preact/hooks'
import { appendPoint, joinHistory } from '../traffic-series.ts'
import { type Failure, getJson } from './request.ts'
import { listen, type StreamState } from './stream.ts'
import type { TrafficPoint } from './views.ts'

export interface Traffic {
  readonly points: readonly TrafficPoint[]
  readonly state: StreamState
  readonly failure: Failure | undefined
  /** False until the history has been asked for once. */
  readonly loaded: boolean
}

const NOTHING: Traffic = { points: [], state: 'connecting', failure: undefined, loaded: false }

export function useTraffic(session: number): Traffic {
  const [traffic, setTraffic] = useState<Traffic>(NOTHING)
  // `session` counts sign-ins: each starts anew.
  useEffect(() => {
    let stopped = false
    const loadHistory = async (): Promise<void> => {
      const outcome = await getJson<readonly TrafficPoint[]>('v1/traffic/history')
      if (stopped) return
      setTraffic((known) => ({
        ...known,
        loaded: true,
        failure: outcome.kind === 'ok' ? undefined : outcome.failure,
        points: outcome.kind === 'ok' ? joinHistory(outcome.value, known.points) : known.points,
      }))
    }
    const stop = listen<TrafficPoint>('v1/traffic/stream', {
      onEvent: (point) =>
        setTraffic((known) => ({ ...known, points: appendPoint(known.points, point) })),
      onState: (state) => {
        setTraffic((known) => ({ ...known, state }))
        if (state !== 'connecting') void loadHistory()
      },
    })
    return () => {
      stopped = true
      stop()
    }
  }, [session])
  return traffic
}
