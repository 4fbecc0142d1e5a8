/**
 * Thresholds that learn from what became of alarms: an event with a score at or above the threshold is flagged; later some are
 * said to be attacks or honest. All flagged ones are looked at, of the others only some attacks come to be known. What a tuner
 * minimises is the cost of false alarms and misses. States are plain JSON data, updated in place.
 *
 * Not here: thresholds kept to a share of honest clients without anybody's word (`conformal.ts`).
 *
 * @module
 */

export interface TuningOptions {
  /** What a threshold begins with. */
  readonly start: number
  /** What one costs, in any unit. */
  readonly falseAlarmCost: number
  readonly missCost: number
  /** Share of attacks below the threshold that somebody tells of, above 0 and at most 1. */
  readonly toldShare: number
  /** Share of events that may be false alarms, however cheap they are. */
  readonly falseAlarmShareMax: number
}

/** What an event was that came before. */
export interface ScoreLabel {
  readonly score: number
  readonly isAttack: boolean
  /** It was flagged then. */
  readonly wasFlagged: boolean
}

export interface ThresholdTuner<State> {
  readonly name: string
  begin(options: TuningOptions): State
  thresholdOf(state: State): number
  /** An event came; what it was nobody has said. @param score finite */
  see(state: State, options: TuningOptions, score: number): void
  /** Somebody says what an event was. */
  learn(state: State, options: TuningOptions, label: ScoreLabel): void
}
