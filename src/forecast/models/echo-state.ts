/**
 * Echo-state network (Jaeger, "The echo state approach", GMD report 148, 2001): a fixed random recurrent network, leaky, driven
 * by the series and by the phase of its seasons; only the readout is learned, by ridge regression. Forecasts feed on themselves.
 *
 * @module
 */
import { NormalEquations } from '../../math/ridge.ts'
import { guarded } from './guarded.ts'
import { type LogScale, logScaleOf, offScale, onScale } from './log-scale.ts'

export interface EchoState {
  readonly scale: LogScale
  readonly mean: number
  readonly deviation: number
  readonly seasons: readonly number[]
  /** Intercept, last value, phases, then one for each unit. */
  readonly readout: Float64Array
  /** Activations of the units. */
  readonly units: Float64Array
  /** The last value, standardised. */
  last: number
  /** Steps seen. */
  time: number
}

/** Units and connections of each: few enough for milliseconds. Neither these nor what follows was tuned. */
const UNITS = 80
const CONNECTIONS = 8
/** Sum of absolute weights into a unit: below one, the echo of any start fades (Jaeger, proposition 3). */
const GAIN = 0.9
/** Share of a unit that is new at each step: a memory of some steps. */
const LEAK = 0.5
const LAMBDA = 1e-2
/** Steps until the echo of the start has faded. */
const WASHOUT = 48

export const echoState = guarded<EchoState>({
  name: 'echo state',
  knownMin: (frame) => WASHOUT + 2 * Math.max(UNITS, frame.seasons[0] ?? 0),
  fit(values, { seasons }) {
    const scale = logScaleOf(values)
    const series = values.map((value) => onScale(scale, value))
    const mean = series.reduce((sum, value) => sum + value, 0) / series.length
    const square = series.reduce((sum, value) => sum + (value - mean) ** 2, 0) / series.length
    const deviation = Math.sqrt(square) || 1
    const units = new Float64Array(UNITS)
    const phases = phasesAt(0, seasons).length
    const equations = new NormalEquations(2 + phases + UNITS)
    let last = 0
    for (const [t, value] of series.entries()) {
      const phase = phasesAt(t, seasons)
      drive(units, last, phase)
      const target = (value - mean) / deviation
      if (t >= WASHOUT) equations.add(rowOf(units, last, phase), target)
      last = target
    }
    const readout = equations.solve(LAMBDA)
    return { scale, mean, deviation, seasons, readout, units, last, time: series.length }
  },
  update(state, value) {
    drive(state.units, state.last, phasesAt(state.time, state.seasons))
    state.last = (onScale(state.scale, value) - state.mean) / state.deviation
    state.time++
  },
  forecast({ scale, mean, deviation, seasons, readout, units, last, time }, steps) {
    const ahead = units.slice()
    let value = last
    return Float64Array.from({ length: steps }, (_, h) => {
      const phase = phasesAt(time + h, seasons)
      drive(ahead, value, phase)
      value = rowOf(ahead, value, phase).reduce((sum, x, i) => sum + x * (readout[i] ?? 0), 0)
      // Farther than any standardised value: what feeds on itself is held.
      value = Math.min(VALUE_MAX, Math.max(-VALUE_MAX, value))
      return offScale(scale, mean + deviation * value)
    })
  },
})

const VALUE_MAX = 10

/** First two waves of each season. */
function phasesAt(time: number, seasons: readonly number[]): Float64Array {
  const phases = new Float64Array(4 * seasons.length)
  for (const [i, season] of seasons.entries()) {
    const angle = (2 * Math.PI * (time % season)) / season
    phases.set([Math.sin(angle), Math.cos(angle), Math.sin(2 * angle), Math.cos(2 * angle)], 4 * i)
  }
  return phases
}

function rowOf(units: Float64Array, last: number, phase: Float64Array): Float64Array {
  const row = new Float64Array(2 + phase.length + units.length)
  row[0] = 1
  row[1] = last
  row.set(phase, 2)
  row.set(units, 2 + phase.length)
  return row
}

/** Each unit takes from the next ones of a fixed stride pattern, with fixed weights: the same network everywhere. */
function drive(units: Float64Array, last: number, phase: Float64Array): void {
  const before = units.slice()
  for (let i = 0; i < UNITS; i++) {
    let sum = WEIGHTS.input[i % WEIGHTS.input.length] ?? 0
    sum = sum * last + (WEIGHTS.bias[i] ?? 0)
    for (const [j, x] of phase.entries()) sum += (WEIGHTS.phase[(i * 7 + j) % UNITS] ?? 0) * x
    for (let k = 0; k < CONNECTIONS; k++) {
      const from = WEIGHTS.from[i * CONNECTIONS + k] ?? 0
      sum += (WEIGHTS.inner[i * CONNECTIONS + k] ?? 0) * (before[from] ?? 0)
    }
    units[i] = (1 - LEAK) * (before[i] ?? 0) + LEAK * Math.tanh(sum)
  }
}

/** Drawn once from a fixed seed (splitmix32): a state must mean the same after a restart. */
const WEIGHTS = drawWeights(2001)

function drawWeights(seed: number) {
  let state = seed
  const between = () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 31 - 1
  }
  const list = (length: number, scale: number) =>
    Float64Array.from({ length }, () => scale * between())
  const inner = list(UNITS * CONNECTIONS, 1)
  for (let i = 0; i < UNITS; i++) {
    const own = inner.subarray(i * CONNECTIONS, (i + 1) * CONNECTIONS)
    const sum = own.reduce((total, weight) => total + Math.abs(weight), 0)
    own.set(own.map((weight) => (GAIN * weight) / sum))
  }
  return {
    inner,
    from: list(UNITS * CONNECTIONS, 1).map((x) => Math.floor(((x + 1) / 2) * UNITS)),
    input: list(UNITS, 0.5),
    phase: list(UNITS, 0.5),
    bias: list(UNITS, 0.2),
  }
}
