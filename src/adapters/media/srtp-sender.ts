/**
 * The sending half of SRTP for one device: which epoch protects, and that no nonce (key, SSRC, rollover counter, sequence number)
 * is ever used twice, whatever an encoder does.
 *
 * @module
 */
import { PacketWindow, packetIndex } from '../../keys/device/packet-window.ts'
import { u16, u32 } from '../../wire/big-endian.ts'
import { RTCP_HEAD_BYTES } from '../../wire/rtcp-packet.ts'
import { DATAGRAM_BYTES_MAX, isRtcp, rtpHeaderBytes } from '../../wire/rtp-packet.ts'
import { type MasterKey, SRTCP_OVERHEAD_BYTES, type SrtpKey, srtpKeyOf } from './srtp-key.ts'

/**
 * Why a packet is not sent: no epoch is active; it is no RTP or RTCP; its nonce is used (a copy, or an encoder that begins anew
 * with the same SSRC: another epoch helps); more SSRCs than {@link STREAMS_MAX} in one epoch; no index is left.
 */
export type SendRefusal = 'inactive' | 'malformed' | 'used' | 'streams' | 'spent'

/** SSRCs of one device in one epoch: video, sound, repairs of both, and restarts of the encoder. */
export const STREAMS_MAX = 16
/** RFC 3711 section 3.4. */
const RTCP_INDEX_MAX = 2 ** 31 - 1

interface Epoch {
  readonly key: SrtpKey
  readonly windows: Map<number, PacketWindow>
  rtcpIndex: number
}

export class SrtpSender {
  readonly #epochs = new Map<number, Epoch>()
  /** Highest index by SSRC, over all epochs; the oldest goes. */
  readonly #positions: Map<number, number>
  #active: Epoch | undefined

  /** @param positions where streams were before a restart, as {@link positions} said: the rollover counter goes on from there */
  constructor(positions: Iterable<readonly [ssrc: number, index: number]> = []) {
    this.#positions = new Map(positions)
  }

  /** The MKI of what is sent. */
  get epoch(): number | undefined {
    return this.#active?.key.epoch
  }

  /** Highest index by SSRC. */
  positions(): [ssrc: number, index: number][] {
    for (const [ssrc, { highest }] of this.#active?.windows ?? []) this.#note(ssrc, highest)
    return [...this.#positions]
  }

  /** Once for an epoch: twice would forget which nonces are used. @throws RangeError for an epoch that is installed */
  install(epoch: number, master: MasterKey): void {
    if (this.#epochs.has(epoch)) throw new RangeError(`Cannot install epoch ${epoch} twice`)
    this.#epochs.set(epoch, { key: srtpKeyOf(epoch, master), windows: new Map(), rtcpIndex: 0 })
  }

  /** From the next packet on. False for an epoch that is not installed. */
  activate(epoch: number): boolean {
    const next = this.#epochs.get(epoch)
    if (next === undefined) return false
    if (next !== this.#active) this.positions()
    this.#active = next
    return true
  }

  retire(epoch: number): void {
    const gone = this.#epochs.get(epoch)
    if (gone === undefined) return
    if (gone === this.#active) {
      this.positions()
      this.#active = undefined
    }
    gone.key.zero()
    this.#epochs.delete(epoch)
  }

  /** RTP or RTCP; `packet` stays as it is. */
  protect(packet: Uint8Array): Buffer | SendRefusal {
    const active = this.#active
    if (active === undefined) return 'inactive'
    if (packet.length > DATAGRAM_BYTES_MAX - SRTCP_OVERHEAD_BYTES) return 'malformed'
    if (isRtcp(packet)) return this.#protectRtcp(active, packet)
    const headerBytes = rtpHeaderBytes(packet, packet.length)
    if (headerBytes === 0) return 'malformed'
    const ssrc = u32(packet, 8)
    const window = active.windows.get(ssrc) ?? openWindow(active, ssrc)
    if (window === undefined) return 'streams'
    const highest = window.highest < 0 ? this.#positions.get(ssrc) : window.highest
    const index = packetIndex(u16(packet, 2), highest)
    if (!window.isFresh(index)) return index < 0 ? 'spent' : 'used'
    window.take(index)
    return active.key.sealRtp(packet, headerBytes, index)
  }

  #protectRtcp(active: Epoch, packet: Uint8Array): Buffer | SendRefusal {
    if (packet.length < RTCP_HEAD_BYTES || (packet[0] ?? 0) >> 6 !== 2) return 'malformed'
    if (active.rtcpIndex > RTCP_INDEX_MAX) return 'spent'
    return active.key.sealRtcp(packet, active.rtcpIndex++)
  }

  #note(ssrc: number, highest: number): void {
    if (highest < 0) return
    this.#positions.delete(ssrc)
    this.#positions.set(ssrc, highest)
    if (this.#positions.size <= STREAMS_MAX) return
    const [oldest] = this.#positions.keys()
    if (oldest !== undefined) this.#positions.delete(oldest)
  }
}

function openWindow({ windows }: Epoch, ssrc: number): PacketWindow | undefined {
  if (windows.size >= STREAMS_MAX) return undefined
  const window = new PacketWindow()
  windows.set(ssrc, window)
  return window
}
