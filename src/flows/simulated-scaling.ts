/**
 * How many servers a simulated site should have. `reactive` does what autoscalers do: by the share of busy slots (the rule of
 * Kubernetes' HorizontalPodAutoscaler), with a cooldown. `predictive` asks the forecaster and `planCapacity`, as the product does: the upper
 * line up to the time a server would take to start, and a margin. Both count in servers of the kind that can be started.
 *
 * @module
 */
import {
  addToForecaster,
  adoptFit,
  anticipateEvent,
  FORECASTER_DEFAULTS,
  type ForecasterState,
  fitDue,
  fitJob,
  fitModels,
  forecastAhead,
  openForecaster,
  passTime,
} from '../forecast/forecaster.ts'
import { byUtilisation, mostLately, openWishes, planCapacity } from './plan-capacity.ts'
import { DAY_S, pastDemand } from './site-demand.ts'
import type { SiteScenario } from './site-scenario.ts'

/** What there is when a decision is made, in servers of the kind that can be started, of which others may be a part. */
export interface Capacity {
  /** Answering now. */
  readonly up: number
  /** And on their way. */
  readonly ordered: number
  readonly max: number
}

/** By utilisation. */
export class ReactiveScaling {
  readonly #scenario: SiteScenario
  readonly #wishes = openWishes()
  #startedS = Number.NEGATIVE_INFINITY

  constructor(scenario: SiteScenario) {
    this.#scenario = scenario
  }

  /** @param busy share of the slots of servers that answer, in the mean since it was asked last */
  wanted(busy: number, { up, ordered, max }: Capacity, atS: number): number {
    const { utilisation, reactive } = this.#scenario.scaling
    const wish = byUtilisation(busy, up, utilisation)
    const wanted = Math.min(max, mostLately(this.#wishes, wish, atS))
    if (wanted <= ordered) return wanted
    if (atS - this.#startedS < reactive.cooldownS) return ordered
    this.#startedS = atS
    return wanted
  }
}

const STEP_S = 60
/** Days before the beginning from which on models are fitted, and judged by what comes: fitting takes a second. */
const JUDGED_DAYS = 2
/** A Monday, 00:00 UTC. */
const MONDAY_S = Date.UTC(2026, 0, 5) / 1000

export interface ForecastErrors {
  /** Minutes that were forecast, and how far ahead, seconds. */
  readonly minutes: number
  readonly aheadS: number
  /** Sum of the absolute errors over the sum of what came. */
  readonly error: number
  /** Share of the minutes in which more came than the upper line said. */
  readonly above: number
}

interface Errors {
  minutes: number
  off: number
  came: number
  above: number
}

/** By forecast. */
export class PredictiveScaling {
  readonly #scenario: SiteScenario
  readonly #perServer: number
  readonly #wishes = openWishes()
  readonly #state: ForecasterState
  readonly #beginS: number
  /** Minutes that it looks ahead. */
  readonly #ahead: number
  readonly #came: number[] = []
  /** What was said of the minutes to come: one for each up to `#ahead`. */
  readonly #said: { readonly value: number; readonly high: number }[] = []
  readonly #all: Errors = { minutes: 0, off: 0, came: 0, above: 0 }
  readonly #mattering: Errors = { minutes: 0, off: 0, came: 0, above: 0 }

  /** @param perServer requests per second that one server carries at the utilisation wanted */
  constructor(scenario: SiteScenario, perServer: number, fraction: () => number) {
    const { scaling, warmUpS, beginsAtHour } = scenario
    this.#scenario = scenario
    this.#perServer = perServer
    this.#ahead = Math.ceil((scaling.server.startUpS + scaling.predictive.marginS) / STEP_S)
    this.#state = openForecaster({ ...FORECASTER_DEFAULTS, horizons: [this.#ahead] })
    const days = scaling.predictive.historyDays
    this.#beginS = MONDAY_S + (Math.ceil(days) + 7) * DAY_S + Math.round(beginsAtHour * 60) * STEP_S
    this.#announce()
    const fromS = -warmUpS - days * DAY_S
    pastDemand(scenario, fraction, fromS, -warmUpS).forEach((requests, minute) => {
      const atS = fromS + minute * STEP_S
      this.#learn(requests, atS, atS >= -warmUpS - JUDGED_DAYS * DAY_S)
    })
  }

  /**
   * A minute is over.
   *
   * @param initial servers there were in the beginning
   * @param atS when it ended
   * @returns servers wanted
   */
  wanted(requests: number, { up, ordered, max }: Capacity, initial: number, atS: number): number {
    this.#note(requests, initial, atS)
    this.#learn(requests, atS - STEP_S, true)
    const { values, high } = forecastAhead(this.#state, this.#ahead)
    this.#said.push({ value: values.at(-1) ?? 0, high: high.at(-1) ?? 0 })
    this.#came.push(requests)
    if (this.#came.length > this.#ahead) this.#came.shift()
    const { scaling } = this.#scenario
    const question = {
      ...{ ahead: high.map((line) => line / STEP_S), stepS: STEP_S },
      ...{ measured: Math.max(...this.#came) / STEP_S, perServer: this.#perServer },
      ...{ busy: Number.NaN, up, starting: ordered - up },
    }
    const settings = {
      ...{ min: 1, max, startUpS: scaling.server.startUpS },
      ...{ marginS: scaling.predictive.marginS, utilisation: scaling.utilisation },
    }
    return planCapacity(this.#wishes, question, settings, atS).wanted
  }

  /** Over all minutes, and over those in which there was more than the servers of the beginning could carry. */
  errors(): { readonly all: ForecastErrors; readonly whileItMattered: ForecastErrors } {
    const of = ({ minutes, off, came, above }: Errors): ForecastErrors => ({
      minutes,
      aheadS: this.#ahead * STEP_S,
      error: minutes === 0 ? 0 : off / came,
      above: minutes === 0 ? 0 : above / minutes,
    })
    return { all: of(this.#all), whileItMattered: of(this.#mattering) }
  }

  #learn(requests: number, atS: number, mayFit: boolean): void {
    const state = this.#state
    addToForecaster(state, this.#beginS + atS, requests)
    passTime(state, this.#beginS + atS + STEP_S)
    if (mayFit && fitDue(state)) adoptFit(state, fitModels(fitJob(state)))
  }

  /** Compares with what was said of this minute. */
  #note(requests: number, initial: number, atS: number): void {
    const said = this.#said.length >= this.#ahead ? this.#said.shift() : undefined
    // What is said of the warm-up does not count.
    if (said === undefined || atS <= 0) return
    const matters = requests / STEP_S > initial * this.#perServer
    for (const errors of matters ? [this.#all, this.#mattering] : [this.#all]) {
      errors.minutes++
      errors.off += Math.abs(said.value - requests)
      errors.came += requests
      if (requests > said.high) errors.above++
    }
  }

  #announce(): void {
    const { sessions, scaling } = this.#scenario
    const announced = sessions.crowds.filter((crowd) => crowd.announced)
    for (const { name, fromS, toS, rampS, everyDays } of announced) {
      const days = everyDays > 0 ? scaling.predictive.historyDays : 0
      for (let before = 0; before <= days; before += everyDays || 1) {
        const startS = this.#beginS + fromS - before * DAY_S
        anticipateEvent(this.#state, { kind: name, startS, endS: startS + toS - fromS + rampS })
      }
    }
  }
}
