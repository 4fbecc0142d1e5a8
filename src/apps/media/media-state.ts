/**
 * What an agent or a transport keeps over a restart, as JSON: the last message it took, the highest epoch it sent under, and where streams
 * were. Nothing secret: keys are only in memory.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'
import { isMediaParty } from '../../wire/media-key-message.ts'

export interface MediaState {
  /** Sequence number of LMK1. */
  readonly last: bigint
  /** 0: none yet. */
  readonly epoch: number
  /** Highest index by SSRC, by device. */
  readonly streams: ReadonlyMap<string, readonly (readonly [ssrc: number, index: number])[]>
}

const NEW: MediaState = { last: 0n, epoch: 0, streams: new Map() }

export function writeMediaState({ last, epoch, streams }: MediaState): string {
  return JSON.stringify({ last: String(last), epoch, streams: Object.fromEntries(streams) })
}

/** @throws LimenError `media.state` for what {@link writeMediaState} does not write: to begin anew could use a nonce twice */
export function readMediaState(text: string | undefined, path: string): MediaState {
  if (text === undefined) return NEW
  const state = stateOf(text)
  if (state !== undefined) return state
  throw new LimenError('media.state', `Cannot read ${path}: it is not what Limen wrote`, {
    ...{ side: 'operator', retry: false },
  })
}

function stateOf(text: string): MediaState | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(json)) return undefined
  const { last, epoch, streams } = json
  if (typeof last !== 'string' || !/^\d{1,20}$/.test(last) || !isBelow(epoch, 2 ** 32)) {
    return undefined
  }
  if (!isRecord(streams)) return undefined
  const positions = new Map<string, (readonly [number, number])[]>()
  for (const [device, list] of Object.entries(streams)) {
    if (!isMediaParty(device) || !Array.isArray(list) || !list.every(isPosition)) return undefined
    positions.set(device, list)
  }
  return { last: BigInt(last), epoch, streams: positions }
}

function isPosition(value: unknown): value is readonly [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    isBelow(value[0], 2 ** 32) &&
    isBelow(value[1], 2 ** 48)
  )
}

function isBelow(value: unknown, end: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < end
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
