/**
 * An edge tells its key server of the first requests of sessions it has seen (`first-request-report.ts`), from time to time and
 * when it is about to go.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { ClusterPeer } from './client.ts'
import { firstRequestReport } from './first-request-report.ts'

export interface TellFirstRequests {
  tell(): void
  /** And says so from now on: sessions are about to go elsewhere. */
  tellDrain(): void
  close(): void
}

export interface TellFirstRequestsOptions {
  readonly peer: Pick<ClusterPeer, 'ask'>
  readonly edge: string
  /** Of this process. */
  readonly run: string
  readonly plane: Pick<DataPlane, 'traffic'>
  readonly log: Log
  /** Else there is nobody to tell. */
  isListening(): boolean
}

/** A few hundred bytes. */
const TELL_MS = 5_000

export function tellFirstRequests(options: TellFirstRequestsOptions): TellFirstRequests {
  const { peer, edge, run, plane, log, isListening } = options
  const path = `/v1/edges/${edge}/first-requests`
  let isDraining = false
  const tell = (): void => {
    if (!isListening()) return
    const body = firstRequestReport(run, isDraining, plane.traffic().firstRequests)
    // Counters go on: what is not heard now is in the next.
    peer.ask({ method: 'POST', path, body }, TELL_MS).then(
      ({ status }) => {
        if (status !== 200) log.debug({ status }, 'First requests were not taken')
      },
      (error: unknown) => log.debug({ err: error }, 'First requests were not told'),
    )
  }
  const timer = setInterval(tell, TELL_MS)
  timer.unref()
  return {
    tell,
    tellDrain() {
      isDraining = true
      tell()
    },
    close: () => clearInterval(timer),
  }
}
