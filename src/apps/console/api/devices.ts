/**
 * What the admin API answers about video sources.
 *
 * @module
 */
export type StreamState = 'learning' | 'normal' | 'suspicious' | 'anomalous'

/** Of GET /v1/devices. */
export interface DeviceView {
  readonly party: string
  readonly kind: 'device' | 'transport'
  readonly state: 'invited' | 'enrolled' | 'revoked' | 'quarantined'
  readonly since: number
  readonly epoch: number | null
  readonly step: string | null
  readonly isPresent: boolean
  readonly behavior: StreamBehavior | null
}

export interface StreamBehavior {
  readonly protocol: 'rtp' | 'srt'
  readonly state: StreamState
  readonly reasons: readonly {
    readonly group: string
    readonly what: string
    readonly score: number
  }[]
  readonly limit: number
  readonly ageMs: number
}

/** GET /v1/devices/:party. */
export interface DeviceDetail extends DeviceView {
  readonly happened: readonly DeviceEvent[]
}

export interface DeviceEvent {
  readonly at: number
  readonly what: string
  readonly epoch?: number
  readonly reason?: string
  readonly tookMs?: number
  readonly from?: string
  readonly why?: string
}

/** GET /v1/devices/:party/stream: lists of the same length, the oldest first. */
export interface StreamHistory {
  readonly at: readonly number[]
  readonly scores: readonly { readonly name: string; readonly values: readonly number[] }[]
  readonly features: readonly StreamFeature[]
}

export interface StreamFeature {
  readonly name: string
  readonly middle: number | null
  readonly spread: number
  readonly values: readonly (number | null)[]
}
