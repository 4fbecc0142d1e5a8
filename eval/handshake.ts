/**
 * Who is taken for whom: captured hellos of clients, scanners and hostile generators, interleaved as live traffic
 * (`replay-captures.ts`), and clients and generators that nobody captured (`strangers.ts`).
 *
 * @module
 */
import { readCaptures, run, summary } from './replay-captures.ts'
import { strangers } from './strangers.ts'

/** Interleavings of the data that are tried. */
const SEEDS = 20
export async function evalHandshake(dataDir: string): Promise<object> {
  const captures = readCaptures(dataDir)
  const shared = Array.from({ length: SEEDS }, (_, seed) => run(captures, seed, 'shared'))
  const apart = Array.from({ length: SEEDS }, (_, seed) => run(captures, seed, 'apart'))
  return {
    labels: shared[0] ?? [],
    shared: summary(shared),
    apart: summary(apart),
    labelsApart: apart[0] ?? [],
    seeds: SEEDS,
    ...strangers(captures, dataDir),
  }
}
