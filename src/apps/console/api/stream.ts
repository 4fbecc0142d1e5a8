/**
 * Listens to a server-sent event stream; the browser reconnects by itself, this starts anew when it gives up.
 *
 * @module
 */
import { inSession } from './session-path.ts'

export type StreamState = 'connecting' | 'live' | 'lost'

export interface StreamListener<T> {
  onEvent(value: T): void
  /** `live` again after `lost` means that events in between are missing. */
  onState(state: StreamState): void
}

/** A browser gives up on an error status (401, 503); this long later we try again. */
const RETRY_MS = 3000

/** Returns the way to stop. */
export function listen<T>(path: string, listener: StreamListener<T>): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const open = (): void => {
    listener.onState('connecting')
    source = new EventSource(inSession(path))
    source.onopen = () => listener.onState('live')
    source.onmessage = (event) => {
      const value = parse<T>(event.data)
      if (value !== undefined) listener.onEvent(value)
    }
    source.onerror = () => {
      listener.onState('lost')
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS)
    }
  }
  open()
  return () => {
    clearTimeout(timer)
    source?.close()
  }
}

function parse<T>(data: unknown): T | undefined {
  try {
    return JSON.parse(String(data)) as T
  } catch {
    return undefined
  }
}
