/**
 * `/v1/sys/health` and `/v1/sys/seal-status`, which clients of Vault look at before they begin, without a token. Sealed means: so many nodes
 * are away that keys cannot be used.
 *
 * @module
 */
export interface SystemState {
  readonly cluster: string
  readonly version: string
  /** How many nodes there are, how many are needed, and how many do not answer, as far as this process has asked. */
  readonly nodes: number
  readonly threshold: number
  readonly away: number
  /** Milliseconds since 1970. */
  readonly now: number
}

/** undefined for another path. */
export function systemAnswer(
  method: string,
  path: string,
  state: () => SystemState,
): { readonly status: number; readonly body: Readonly<Record<string, unknown>> } | undefined {
  const isHealth = path === '/v1/sys/health'
  if (!isHealth && path !== '/v1/sys/seal-status') return undefined
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, body: { errors: ['unsupported operation'] } }
  }
  const { cluster, version, nodes, threshold, away, now } = state()
  const sealed = nodes - away < threshold
  const common = { initialized: true, sealed, version, cluster_name: cluster, cluster_id: cluster }
  if (!isHealth) {
    return {
      status: 200,
      body: {
        ...{ type: 'limen', ...common, t: threshold, n: nodes, progress: 0, nonce: '' },
        ...{ migration: false, recovery_seal: false, storage_type: 'custody' },
      },
    }
  }
  return {
    // Vault's own: 503 while sealed.
    status: sealed ? 503 : 200,
    body: {
      ...{ ...common, standby: false, performance_standby: false },
      ...{ replication_performance_mode: 'disabled', replication_dr_mode: 'disabled' },
      server_time_utc: Math.floor(now / 1000),
    },
  }
}
