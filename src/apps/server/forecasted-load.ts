/**
 * {@link LoadSource} of what is measured and of what is forecast, the higher of each: a forecast brings a peak to come into
 * view, and never hides that this machine is busy now.
 *
 * @module
 */
import type { LoadOutlook, LoadSource } from '../../ports/load-outlook.ts'

export interface ForecastedLoad extends LoadSource {
  close(): void
}

export interface ForecastedLoadOptions {
  readonly measured: LoadSource
  /** undefined while there is none to go by. */
  forecast(): LoadOutlook | undefined
  /** Asked for every {@link TELL_MS}; a timer without it. Returns the way to stop. */
  readonly every?: (look: () => void) => () => void
}

/** Those who go by it hold it for stale after a minute. */
const TELL_MS = 20_000
/** As for what is measured: below that all is well, however well. */
const CALM = 0.7

export function forecastedLoad(options: ForecastedLoadOptions): ForecastedLoad {
  const { measured, forecast, every = regularly } = options
  const listeners = new Set<() => void>()
  let wasBusy = false
  const stop = every(() => {
    const outlook = forecast()
    const isBusy = outlook !== undefined && Math.max(outlook.now, outlook.ahead) > CALM
    if (isBusy || wasBusy) for (const listener of listeners) listener()
    wasBusy = isBusy
  })
  return {
    outlook: () => higher(measured.outlook(), forecast()),
    onChange(listener) {
      const stopMeasured = measured.onChange(listener)
      listeners.add(listener)
      return () => {
        stopMeasured()
        listeners.delete(listener)
      }
    },
    close() {
      stop()
      listeners.clear()
    },
  }
}

function higher(
  measured: LoadOutlook | undefined,
  forecast: LoadOutlook | undefined,
): LoadOutlook | undefined {
  if (measured === undefined || forecast === undefined) return measured ?? forecast
  const { ahead, aheadS } = forecast.ahead > measured.ahead ? forecast : measured
  return { now: Math.max(measured.now, forecast.now), ahead, aheadS, at: measured.at }
}

function regularly(look: () => void): () => void {
  const timer = setInterval(look, TELL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
