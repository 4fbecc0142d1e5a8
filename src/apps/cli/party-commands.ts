/**
 * `limen agent` and `limen media`: the two ends of protected video. Each enrols at its first start, and runs until a signal ends it.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { isMediaParty } from '../../wire/media-key-message.ts'
import { enrol, readEnrolled } from '../media/enrolment.ts'
import { type FolderOpener, openSealedFolder } from '../media/sealed-folder.ts'
import type { SrtRoute } from '../media/srt-relays.ts'
import { startAgent, startSrtAgent, startTransport } from '../media/start-party.ts'
import { type Address, readAddress, writeAddress } from '../server/config/address.ts'

interface PartyCommandOptions {
  readonly folder: string
  readonly service?: string
  readonly codeFile?: string
  readonly mqtt: '5' | '3.1.1'
  readonly listen: string
  readonly keyToken?: string
}

export interface AgentCommandOptions extends PartyCommandOptions {
  readonly transport?: string
  readonly srtCommand?: string
}

export interface MediaCommandOptions extends PartyCommandOptions {
  readonly output: readonly string[]
  readonly watch?: 'h264' | 'h265'
  readonly rhythm: readonly string[]
  readonly stopAfterS?: string
  readonly srt: readonly string[]
  readonly srtCommand?: string
}

type Print = (text: string) => void

/** Resolves with the exit code. @throws LimenError when it cannot start */
export async function runAgent(
  options: AgentCommandOptions,
  out: Print,
  complain: Print,
): Promise<number> {
  const { srtCommand, transport: to } = options
  if ((srtCommand === undefined) === (to === undefined)) {
    throw refused('An agent needs one of --transport and --srt-command')
  }
  if (srtCommand !== undefined) return runSrtAgent(options, resolve(srtCommand), out, complain)
  const [listen, transport] = [options.listen, to ?? ''].map(addressOf)
  if (listen === undefined || transport === undefined) throw refused('An address is missing')
  const common = await begin(options, 'agent', complain)
  const { party, works, close } = await startAgent({ ...common, listen, transport })
  out(`Device ${party}: RTP at ${writeAddress({ ...listen, port: works.port })}`)
  await ended()
  await close()
  const { sent, refused: not } = works.counts()
  out(JSON.stringify({ sent, refused: not }))
  return 0
}

async function runSrtAgent(
  options: AgentCommandOptions,
  command: string,
  out: Print,
  complain: Print,
): Promise<number> {
  const { folder, sealed, mqttVersion, changed } = await begin(options, 'agent', complain)
  const { party, close } = await startSrtAgent({
    ...{ folder, sealed, mqttVersion, changed, command },
    complain: (what) => complain(`limen: agent: ${what}`),
  })
  out(`Device ${party}: passphrases of SRT at ${command}`)
  await ended()
  await close()
  return 0
}

/** Resolves with the exit code. @throws LimenError when it cannot start */
export async function runMedia(
  options: MediaCommandOptions,
  out: Print,
  complain: Print,
): Promise<number> {
  const listen = addressOf(options.listen)
  const outputs = new Map(options.output.map(outputOf))
  const { stopAfterS } = options
  if (stopAfterS !== undefined && !/^[1-9]\d{0,5}$/.test(stopAfterS)) {
    throw refused(`--stop-after-s ${stopAfterS} is no whole number of 1 to 999999`)
  }
  const stopAfterMs = stopAfterS === undefined ? undefined : Number(stopAfterS) * 1000
  const unknown = options.rhythm.find((device) => !outputs.has(device))
  if (unknown !== undefined) throw refused(`--rhythm ${unknown} has no --output`)
  if (options.rhythm.length > 0 && options.watch === undefined) {
    throw refused('--rhythm is of a watch: needs --watch')
  }
  const srt = srtOf(options, outputs)
  const common = await begin(options, 'media', complain)
  const { party, works, relays, close } = await startTransport({
    ...{ ...common, listen, outputs, watch: options.watch, stopAfterMs, srt },
    withRhythm: new Set(options.rhythm),
    complain: (what) => complain(`limen: media: ${what}`),
    anomalous: (device, why) => complain(`limen: media: ${device} is anomalous: ${why}`),
  })
  out(`Transport ${party}: SRTP at ${writeAddress({ ...listen, port: works.port })}`)
  await ended()
  const relayed = (srt?.routes ?? []).map(({ device }) => [device, relays?.figures(device)])
  await close()
  const devices = [...outputs.keys()].map((device) => [device, works.figures(device)])
  out(
    JSON.stringify({
      dropped: works.dropped(),
      paused: works.paused,
      devices: Object.fromEntries(devices),
      ...(srt === undefined ? {} : { srt: Object.fromEntries(relayed) }),
    }),
  )
  return 0
}

/** Enrols where that has not been done. */
async function begin(options: PartyCommandOptions, name: string, complain: Print) {
  const folder = resolve(options.folder)
  const { service, codeFile, keyToken } = options
  const opener: FolderOpener =
    keyToken === undefined ? { kind: 'file' } : { kind: 'token', uri: keyToken }
  const sealed = await openSealedFolder(folder, opener, systemRandom())
  if (readEnrolled(folder, sealed) === undefined) {
    if (service === undefined || codeFile === undefined) {
      throw refused(`Nobody is enrolled in ${folder}: needs --service and --code-file`)
    }
    if (!/^https:\/\/[^/]+:\d+\/?$/.test(service)) {
      throw refused(`--service ${service} is no https://host:port`)
    }
    await enrol(folder, service, codeIn(codeFile), sealed)
  }
  const mqttVersion = options.mqtt === '5' ? (5 as const) : (4 as const)
  const changed = (isThere: boolean) =>
    complain(`limen: ${name}: the broker is ${isThere ? 'there' : 'away'}`)
  return { folder, sealed, mqttVersion, changed }
}

function codeIn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw refused(`--code-file ${file} cannot be read: ${code}`)
  }
}

function ended(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })
}

function outputOf(text: string): readonly [string, Address] {
  const at = text.indexOf('=')
  if (at < 1) throw refused(`--output ${text} is no device=host:port`)
  return [text.slice(0, at), addressOf(text.slice(at + 1))]
}

/** Two sources cannot have one name, nor one two ways. */
function srtOf({ srt, srtCommand }: MediaCommandOptions, outputs: ReadonlyMap<string, Address>) {
  if (srt.length === 0) return undefined
  if (srtCommand === undefined) throw refused('--srt needs --srt-command')
  const routes = srt.map(srtRouteOf)
  const names = [...outputs.keys(), ...routes.map(({ device }) => device)]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw refused(`${twice} is there twice`)
  return { routes, command: resolve(srtCommand) }
}

function srtRouteOf(text: string): SrtRoute {
  const [device = '', listen = '', receivers = '', ...more] = text.split('=')
  const addresses = receivers.split(',')
  if (!isMediaParty(device) || more.length > 0 || addresses.length > 2) {
    throw refused(`--srt ${text} is no device=host:port=host:port[,host:port]`)
  }
  const all = [listen, ...addresses].map(addressOf)
  const [at = addressOf(listen), ...to] = all
  return { device, listen: at, receivers: to }
}

function addressOf(text: string): Address {
  const address = readAddress(text)
  if (address === undefined) throw refused(`${text} is no address:port`)
  if (isIP(address.host) === 0) throw refused(`${text} is no IP address: names are not looked up`)
  return address
}

function refused(text: string): LimenError {
  return new LimenError('usage', text, { side: 'operator', retry: false })
}
