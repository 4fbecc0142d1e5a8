/**
 * An agent and a transport as they run: enrolled, each with its connection to the broker.
 *
 * @module
 */
import { join } from 'node:path'
import { type LinkedPartyChannel, partyKeyChannel } from '../../adapters/mqtt/key-channel.ts'
import { openStreamLabel } from '../../adapters/node/stream-label-seal.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { VideoCodec } from '../../behavior/device/stream-packet.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { PartyKind } from '../../wire/media-topic.ts'
import type { Address } from './datagrams.ts'
import { DeviceAgent } from './device-agent.ts'
import { type Enrolled, readEnrolled } from './enrolment.ts'
import { MediaTransport } from './media-transport.ts'
import type { SealedFolder } from './sealed-folder.ts'
import { SrtAgent } from './srt-agent.ts'
import { SrtRelays, type SrtRoute } from './srt-relays.ts'
import { StreamWatches } from './stream-watches.ts'

export interface StartPartyOptions {
  /** Of {@link enrol}. */
  readonly folder: string
  readonly sealed: SealedFolder
  readonly mqttVersion: 4 | 5
  readonly listen: Address
  /** The broker came or went. */
  changed(isThere: boolean): void
}

export interface StartAgentOptions extends StartPartyOptions {
  readonly transport: Address
}

export interface StartSrtAgentOptions extends Omit<StartPartyOptions, 'listen'> {
  /** Starts the encoder. */
  readonly command: string
  complain(what: string): void
}

export interface StartTransportOptions extends StartPartyOptions {
  readonly outputs: ReadonlyMap<string, Address>
  /** Without the broker for so long it takes nothing until that is back: nobody could tell it to stop. Undefined: never. */
  readonly stopAfterMs: number | undefined
  /** Watches streams of that codec; undefined: none. */
  readonly watch: VideoCodec | undefined
  /** Devices whose key frames come in a rhythm, and never out of it. */
  readonly withRhythm: ReadonlySet<string>
  /** Devices that send SRT, and what starts their receivers. */
  readonly srt: { readonly routes: readonly SrtRoute[]; readonly command: string } | undefined
  /** Something went wrong that nobody waits for. */
  complain(what: string): void
  /** A stream is not what it was. */
  anomalous(device: string, why: string): void
}

export interface RunningParty<T> {
  readonly party: string
  readonly works: T
  close(): Promise<void>
}

/** Said of so many devices. */
const UNROUTED_MAX = 100
const STATE_FILE = 'state.json'
const SRT_FOLDER = 'srt'

/** @throws LimenError `devices.enrolled`, `media.listen`, `media.state` */
export async function startAgent(options: StartAgentOptions): Promise<RunningParty<DeviceAgent>> {
  const { folder, listen, transport } = options
  const { enrolled, channel } = begin('device', options)
  const { party: device, pair, identity } = enrolled
  return running(device, channel, () =>
    DeviceAgent.start({
      ...{ device, pair, identity, channel, listen, transport, now: () => Date.now() },
      stateFile: join(folder, STATE_FILE),
    }),
  )
}

/** @throws LimenError `devices.enrolled`, `media.state` */
export async function startSrtAgent(
  options: StartSrtAgentOptions,
): Promise<RunningParty<SrtAgent>> {
  const { folder, command, complain } = options
  const { enrolled, channel } = begin('device', options)
  const { party: device, pair, identity } = enrolled
  return running(
    device,
    channel,
    async () =>
      new SrtAgent({
        ...{ device, pair, identity, channel, command, complain, now: () => Date.now() },
        ...{ stateFile: join(folder, STATE_FILE), folder: join(folder, SRT_FOLDER) },
      }),
  )
}

/** What hands on SRTP, and what SRT. */
export interface RunningTransport extends RunningParty<MediaTransport> {
  readonly relays: SrtRelays | undefined
}

/** @throws LimenError `devices.enrolled`, `media.listen`, `media.state` */
export async function startTransport(options: StartTransportOptions): Promise<RunningTransport> {
  const { folder, listen, outputs, watch: codec } = options
  let works: MediaTransport | undefined
  let relays: SrtRelays | undefined
  const pause = (isPaused: boolean) => {
    works?.pause(isPaused)
    relays?.pause(isPaused)
  }
  let timer: NodeJS.Timeout | undefined
  let labelled = (_message: Uint8Array): void => {}
  const { enrolled, channel } = begin('transport', {
    ...options,
    labelled: (message) => labelled(message),
    changed(isThere) {
      options.changed(isThere)
      clearTimeout(timer)
      if (isThere) pause(false)
      else if (options.stopAfterMs !== undefined) {
        timer = setTimeout(() => pause(true), options.stopAfterMs).unref()
      }
    },
  })
  const { party: transport, pair, identity } = enrolled
  const unrouted = new Set<string>()
  const watch = codec === undefined ? undefined : watchesOf(options, codec, channel)
  labelled = (message) => {
    const label = openStreamLabel(message, identity, Date.now())
    if (label !== undefined) watch?.learn(label)
  }
  const party = await running(transport, channel, async () => {
    relays = await relaysOf(options, channel, (epoch) => works?.seen(epoch))
    works = await MediaTransport.start({
      ...{ transport, pair, identity, channel, listen, outputs, now: () => Date.now() },
      ...{ stateFile: join(folder, STATE_FILE), lost: (device) => channel.lost(device) },
      unrouted(device) {
        if (unrouted.has(device) || unrouted.size >= UNROUTED_MAX) return
        unrouted.add(device)
        options.complain(`${device} has no --output here: what it sends to this transport is lost`)
      },
      ...(watch === undefined ? {} : { watch }),
      ...(relays === undefined ? {} : { srt: relays }),
    }).catch((error: unknown) => {
      relays?.close()
      throw error
    })
    return works
  })
  return {
    ...{ ...party, relays },
    async close() {
      relays?.close()
      await party.close()
    },
  }
}

async function relaysOf(
  options: StartTransportOptions,
  channel: LinkedPartyChannel,
  seen: (epoch: number) => void,
): Promise<SrtRelays | undefined> {
  const { folder, sealed, srt, complain } = options
  if (srt === undefined) return undefined
  return SrtRelays.start({
    ...{ ...srt, folder: join(folder, SRT_FOLDER), seen, complain },
    kept: { folder, seal: sealed.seal },
    clockMs: () => performance.now(),
    report: (report) => channel.report(report),
    anomalous(device, why) {
      channel.anomalous(device)
      options.anomalous(device, why)
    },
  })
}

function watchesOf(
  options: StartTransportOptions,
  codec: VideoCodec,
  channel: LinkedPartyChannel,
): StreamWatches {
  const { folder, sealed, outputs, withRhythm, complain } = options
  return new StreamWatches({
    ...{ codec, devices: [...outputs.keys()], withRhythm, folder, seal: sealed.seal, complain },
    random: systemRandom(),
    clockMs: () => performance.now(),
    report: (report) => channel.report(report),
    anomalous(device, why, isProven) {
      // Without proof it is a key as by the schedule: a device that does not follow is not cut for what strangers sent.
      if (isProven) channel.anomalous(device)
      else channel.lost(device)
      options.anomalous(device, why)
    },
  })
}

async function running<T extends { close(): Promise<void> }>(
  party: string,
  channel: LinkedPartyChannel,
  start: () => Promise<T>,
): Promise<RunningParty<T>> {
  let works: T
  try {
    works = await start()
  } catch (error) {
    await channel.close()
    throw error
  }
  return {
    ...{ party, works },
    async close() {
      await works.close()
      await channel.close()
    },
  }
}

function begin(
  kind: PartyKind,
  options: Omit<StartPartyOptions, 'listen'> & {
    readonly labelled?: (message: Uint8Array) => void
  },
): { readonly enrolled: Enrolled; readonly channel: LinkedPartyChannel } {
  const { folder, sealed, mqttVersion: version, changed, labelled = () => {} } = options
  const enrolled = readEnrolled(folder, sealed)
  if (enrolled?.kind !== kind) {
    const what = enrolled === undefined ? 'nobody is enrolled' : `a ${enrolled.kind} is enrolled`
    throw new LimenError('devices.enrolled', `Cannot start from ${folder}: ${what}`, {
      ...{ side: 'operator', retry: false },
    })
  }
  const { party, broker: url, tls } = enrolled
  const channel = partyKeyChannel({
    ...{ url, clientId: party, tls, version, kind, party, labelled, changed },
  })
  return { enrolled, channel }
}
