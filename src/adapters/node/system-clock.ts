/**
 * The {@link Clock} of the machine. Wall time: it can step when the machine's clock is set.
 *
 * @module
 */
import type { Clock } from '../../ground/clock.ts'

export const systemClock: Clock = { now: () => Date.now() }
