/**
 * What the isolation forest is grown from, and the forest when it is there. Not here: the growing, which has a thread of its own.
 *
 * @module
 */
import type { Profile } from '../behavior/handshake/profile.ts'
import { type IsolationForest, isolationScore } from '../math/isolation-forest.ts'
import type { Profiler } from './profiler-state.ts'

/** Reservoir sampling (Vitter, 1985, algorithm R): every profile has the same chance to be a sample. */
export function addSample(profiler: Profiler, profile: Profile): void {
  const { samples, settings, random } = profiler
  const at =
    samples.length < settings.samplesMax
      ? samples.length
      : Math.floor(random.fraction() * profiler.sampled)
  if (at < settings.samplesMax) samples[at] = [...profile.features]
  // Older samples make room in the end: the reservoir is never deeper than four times its size.
  profiler.sampled = Math.min(profiler.sampled + 1, settings.samplesMax * 4)
}

/** Features of clients that were not flagged: to train the isolation forest on, in a thread of its own. */
export function trainingSamples(profiler: Profiler): readonly (readonly number[])[] {
  return profiler.samples.map((sample) => [...sample])
}

export function takeForest(profiler: Profiler, forest: IsolationForest): void {
  const scores = profiler.samples
    .map((sample) => isolationScore(forest, sample))
    .sort((a, b) => a - b)
  profiler.forest = { forest, scores }
}
