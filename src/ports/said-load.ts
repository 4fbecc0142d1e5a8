/**
 * What is said of a server's load: by the server itself, in its answers (`wire/orca-load.ts`), and by the agent on its machine
 * (`wire/machine-load.ts`). Nobody has measured it: it is shown, and bounds a capacity from above; no request goes by it.
 *
 * @module
 */
import type { MachineLoad } from '../wire/machine-load.ts'
import type { OrcaLoad } from '../wire/orca-load.ts'

/** With when it came to this Limen: milliseconds since 1970. */
export type SaidByServer = OrcaLoad & { readonly at: number }
export type SaidByMachine = MachineLoad & { readonly at: number }

export interface SaidLoad {
  /** The newest that could be read. */
  readonly load?: SaidByServer
  /** Missing when its agent has not answered for {@link MACHINE_STALE_MS}. */
  readonly machine?: SaidByMachine
}

/** Three answers of an agent that did not come (`adapters/node/load-poll.ts` asks every five seconds). */
export const MACHINE_STALE_MS = 15_000
/** A server without requests says nothing: what it said a minute ago, a step of the forecast, is over. */
export const LOAD_STALE_MS = 60_000

/** Of its CPU, the higher of both: undefined when neither is fresh. @param now milliseconds since 1970 */
export function saidCpu({ load, machine }: SaidLoad, now: number): number | undefined {
  const said = [fresh(load, LOAD_STALE_MS, now)?.cpu, fresh(machine, MACHINE_STALE_MS, now)?.cpu]
  const known = said.filter((cpu) => cpu !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function fresh<T extends { readonly at: number }>(
  said: T | undefined,
  staleMs: number,
  now: number,
): T | undefined {
  return said !== undefined && now - said.at <= staleMs ? said : undefined
}
