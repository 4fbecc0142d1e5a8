/**
 * The data plane of a key server alone (`limen keys`): nobody is served, nothing is seen, no worker holds a key.
 *
 * @module
 */
import type { DataPlane } from '../../ports/data-plane.ts'
import { NO_TRAFFIC } from './traffic-sum.ts'

const nothing = (): void => {}
const neverCalled = () => nothing

export function noEdge(): DataPlane & { close(): Promise<void> } {
  return {
    apply: async () => {},
    drain: async () => {},
    workers: () => [],
    connections: async () => [],
    upstreams: () => [],
    changeServer: () => false,
    checkServer: () => false,
    traffic: () => NO_TRAFFIC,
    onDecisions: neverCalled,
    onHandshakes: neverCalled,
    judge: nothing,
    giveSessionKeys: nothing,
    onSessionKeysHeld: neverCalled,
    onSessionKeyMissed: neverCalled,
    feedSessions: nothing,
    onReplayAsk: neverCalled,
    suspect: nothing,
    onSuspected: neverCalled,
    tellTiers: nothing,
    purgeCaches: nothing,
    onBehavior: neverCalled,
    replaceWorker: nothing,
    close: async () => {},
  }
}
