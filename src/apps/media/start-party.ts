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

export interface StartTransportOptions extends StartPartyOptions {
  readonly outputs: ReadonlyMap<string, Address>
  /** Without the broker for so long it takes nothing until that is back: nobody could tell it to stop. Undefined: never. */
  readonly stopAfterMs: number | undefined
  /** Watches streams of that codec; undefined: none. */
  readonly watch: VideoCodec | undefined
  /** Devices whose key frames come in a rhythm, and never out of it. */
  readonly withRhythm: ReadonlySet<string>
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

const STATE_FILE = 'state.json'

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

/** @throws LimenError `devices.enrolled`, `media.listen`, `media.state` */
export async function startTransport(
  options: StartTransportOptions,
): Promise<RunningParty<MediaTransport>> {
  const { folder, listen, outputs, watch: codec } = options
  let works: MediaTransport | undefined
  let timer: NodeJS.Timeout | undefined
  let labelled = (_message: Uint8Array): void => {}
  const { enrolled, channel } = begin('transport', {
    ...options,
    labelled: (message) => labelled(message),
    changed(isThere) {
      options.changed(isThere)
      clearTimeout(timer)
      if (isThere) works?.pause(false)
      else if (options.stopAfterMs !== undefined) {
        timer = setTimeout(() => works?.pause(true), options.stopAfterMs).unref()
      }
    },
  })
  const { party: transport, pair, identity } = enrolled
  const watch = codec === undefined ? undefined : watchesOf(options, codec, channel)
  labelled = (message) => {
    const label = openStreamLabel(message, identity, Date.now())
    if (label !== undefined) watch?.learn(label)
  }
  return running(transport, channel, async () => {
    works = await MediaTransport.start({
      ...{ transport, pair, identity, channel, listen, outputs, now: () => Date.now() },
      ...{ stateFile: join(folder, STATE_FILE), lost: (device) => channel.lost(device) },
      ...(watch === undefined ? {} : { watch }),
    })
    return works
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
    anomalous(device, why) {
      channel.anomalous(device)
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
  options: StartPartyOptions & { readonly labelled?: (message: Uint8Array) => void },
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
