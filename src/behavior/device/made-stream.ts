/**
 * Video that nobody filmed, for tests: 30 frames a second, a key frame every second, sizes from a seed; parameter sets `aa`, `bb`.
 *
 * @module
 */
import { drawLognormal, seededFraction } from '../../math/seeded-chance.ts'
import type { SeenUnit, StreamPacket } from './stream-packet.ts'

export interface MadeStream {
  readonly seconds: number
  readonly seed: number
  readonly fromMs?: number
  readonly sequence?: number
  readonly timestamp?: number
  /** Frames between key frames. */
  readonly keys?: number
  readonly slices?: number
}

const FULL = 1200
const FRAME_TICKS = 3000

export function madeStream({
  seconds,
  seed,
  fromMs = 0,
  sequence = 65_000,
  timestamp = 4_294_900_000,
  keys = 30,
  slices = 1,
}: MadeStream): StreamPacket[] {
  const fraction = seededFraction(seed)
  const packets: StreamPacket[] = []
  for (let frame = 0; frame < seconds * 30; frame++) {
    const isKey = frame % keys === 0
    const header = { timestamp: (timestamp + frame * FRAME_TICKS) >>> 0, ssrc: 7, payloadType: 96 }
    let atMs = fromMs + (frame * 1000) / 30 + fraction()
    const add = (units: readonly SeenUnit[], bytes: number, marker: boolean): void => {
      const next = (sequence + packets.length) & 0xffff
      packets.push({ ...header, atMs, bytes, sequence: next, marker, units })
      atMs += 0.3
    }
    if (isKey) add([set('aa'), set('bb')], 60, false)
    for (let slice = 0; slice < slices; slice++) {
      const size = drawLognormal(fraction, (isKey ? 20_000 : 5_000) / slices, 0.1)
      const count = Math.max(2, Math.ceil(size / FULL))
      for (let i = 0; i < count; i++) {
        const isLast = i === count - 1
        const unit: SeenUnit = {
          ...{ kind: isKey ? 'key' : 'picture', type: isKey ? 5 : 1, isDisposable: false },
          ...{ isFirst: i === 0, isLast, hash: undefined },
          ...{ head: undefined, said: undefined },
        }
        const bytes = isLast ? 100 + Math.floor(size % 1000) : FULL
        add([unit], bytes, isLast && slice === slices - 1)
      }
    }
  }
  return packets
}

/** A parameter set whose hash is that pair eight times. */
export function set(pair: string): SeenUnit {
  const hash = pair.repeat(8)
  return {
    ...{ kind: 'parameters', type: 7, isDisposable: false, isFirst: true, isLast: true, hash },
    ...{ head: undefined, said: undefined },
  }
}
