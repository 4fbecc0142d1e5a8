/**
 * Sessions that an edge suspects, as it tells its key server (`POST /v1/edges/<id>/suspicions`), which tells the other edges in
 * its feed: a new key is asked of a suspect wherever it goes next. What is lost on the way is met again where the suspect is.
 *
 * @module
 */
import { z } from 'zod'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Suspicion } from '../../../keys/session/suspicions.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { ClusterPeer } from './client.ts'
import { EDGE_RUN } from './first-request-report.ts'

export interface SuspicionReport {
  /** Of the edge's process. */
  readonly run: string
  readonly suspicions: readonly Suspicion[]
}

/** Fields of a suspicion in JSON from outside. */
export const SUSPICION_FIELDS = {
  session: z.string().regex(/^[\w-]{22}$/),
  generation: z.int().min(0).max(0xffffffff),
  tier: z.int().min(2).max(3),
}
/** Told at once; of a flood the rest is not told. */
const SUSPICIONS_MAX = 256
const REPORT_BYTES_MAX = 32 * 1024
const report = z.strictObject({
  run: z.string().regex(EDGE_RUN),
  suspicions: z.array(z.strictObject(SUSPICION_FIELDS)).min(1).max(SUSPICIONS_MAX),
})

/** undefined for anything that is not a report. Never throws. */
export function readSuspicionReport(body: Uint8Array): SuspicionReport | undefined {
  if (body.length > REPORT_BYTES_MAX) return undefined
  try {
    const outcome = report.safeParse(JSON.parse(Buffer.from(body).toString()))
    return outcome.success ? outcome.data : undefined
  } catch {
    return undefined
  }
}

export interface TellSuspicionsOptions {
  readonly peer: Pick<ClusterPeer, 'ask'>
  readonly edge: string
  readonly run: string
  readonly plane: Pick<DataPlane, 'onSuspected'>
  readonly log: Log
  /** Else there is nobody to tell. */
  isListening(): boolean
}

/** A few are told together; a stolen key is good elsewhere for so much longer. */
const GATHER_MS = 50
const TELL_MS = 5_000

/** Returns the way to stop. */
export function tellSuspicions(options: TellSuspicionsOptions): () => void {
  const { peer, edge, run, plane, log, isListening } = options
  const path = `/v1/edges/${edge}/suspicions`
  let gathered: Suspicion[] = []
  let timer: NodeJS.Timeout | undefined
  const tell = (): void => {
    const body: SuspicionReport = { run, suspicions: gathered }
    gathered = []
    timer = undefined
    if (!isListening()) return
    peer.ask({ method: 'POST', path, body }, TELL_MS).then(
      ({ status }) => {
        if (status !== 200) log.debug({ status }, 'Suspicions were not taken')
      },
      (error: unknown) => log.debug({ err: error }, 'Suspicions were not told'),
    )
  }
  const stop = plane.onSuspected((suspicion) => {
    if (gathered.length >= SUSPICIONS_MAX) return
    gathered.push(suspicion)
    timer ??= setTimeout(tell, GATHER_MS).unref()
  })
  return () => {
    stop()
    clearTimeout(timer)
  }
}
