/**
 * The key service of video sources as it runs: register, broker, interface and audit around `media-key-service.ts`. What it cannot do while
 * the broker is away it does when that is back; streams go on meanwhile.
 *
 * @module
 */
import { sign, X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type LinkedKeyChannel, serviceKeyChannel } from '../../adapters/mqtt/key-channel.ts'
import { type AuditLog, openAuditLog } from '../../adapters/node/audit-log.ts'
import { issueDeviceCertificate } from '../../adapters/node/device-authority.ts'
import { isMediaKeyRecipient } from '../../adapters/node/media-key-seal.ts'
import type { StreamReport } from '../../behavior/device/stream-report.ts'
import type { RotationNews } from '../../flows/rotate-media-key.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { PartyKind } from '../../wire/media-topic.ts'
import { writeStreamLabel } from '../../wire/stream-label.ts'
import type { Address } from './datagrams.ts'
import { deviceApi, type EnrolRequest } from './device-api.ts'
import { DeviceHistory } from './device-history.ts'
import { DeviceRegister, type PartyEntry } from './device-register.ts'
import { enrolmentCode } from './enrolment.ts'
import {
  type KeyServiceFiles,
  keyServiceFiles,
  SERVICE_NAME,
  writeBrokerAcl,
} from './key-service-files.ts'
import { MediaKeyService } from './media-key-service.ts'
import { type FolderOpener, openSealedFolder } from './sealed-folder.ts'
import { SeenStreams, type StreamHistory } from './seen-streams.ts'

export interface StartKeyServiceOptions {
  /** Absolute. */
  readonly folder: string
  /** Who has the key of that folder. */
  readonly opener: FolderOpener
  readonly listen: Address
  /** Names and addresses of this machine, for its certificates. */
  readonly hosts: readonly string[]
  /** `mqtts://host:port`, as devices reach it, too. */
  readonly broker: string
  readonly mqttVersion: 4 | 5
  readonly rotateEveryMs: number
  readonly graceMs: number
  readonly quarantine: boolean
  readonly random: Random
  /** Something went wrong that nobody waits for. */
  complain(what: string): void
}

export interface RunningKeyService {
  readonly port: number
  readonly files: KeyServiceFiles
  readonly service: MediaKeyService
  close(): Promise<void>
}

/** What failed for want of an answer is wanted again. */
const AGAIN_MS = 5000
/** What a transport says of a device has an effect that often at most: anybody who can send to it may make it say so. */
const HINT_MS = 10_000
/** Failed epochs of a device that transports keep. */
const FAILED_KEPT = 4

/** @throws LimenError or what the disk and the system say */
export async function startKeyService(options: StartKeyServiceOptions): Promise<RunningKeyService> {
  const { folder, opener, listen, hosts, broker, random } = options
  const clock = { now: () => Date.now() }
  const { hostname, port } = new URL(broker)
  const at = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
  const sealed = await openSealedFolder(folder, opener, random)
  const files = await keyServiceFiles({ folder, sealed, hosts, broker: at, clock, random })
  const running = new KeyServiceDesk(options, files, openAuditLog(join(folder, 'audit.log'), clock))
  const api = deviceApi({ ...files, desk: running })
  try {
    await api.listen({ host: listen.host, port: listen.port })
  } catch (cause) {
    await running.close()
    throw new LimenError('cannot-listen', `Cannot listen at ${listen.host} port ${listen.port}`, {
      ...{ side: 'operator', retry: true, cause },
    })
  }
  return {
    files,
    port: (api.server.address() as AddressInfo).port,
    service: running.service,
    async close() {
      await api.close()
      await running.close()
    },
  }
}

class KeyServiceDesk {
  readonly service: MediaKeyService
  readonly #options: StartKeyServiceOptions
  readonly #files: KeyServiceFiles
  readonly #audit: AuditLog
  readonly #register: DeviceRegister
  readonly #channel: LinkedKeyChannel
  readonly #publicKeys = new Map<string, Uint8Array>()
  readonly #transports: string[]
  readonly #history = new DeviceHistory()
  readonly #seen = new SeenStreams(() => Date.now())
  /** Devices whose rotation failed: once more. */
  readonly #again = new Set<string>()
  /** Revoked, and not written down yet. */
  readonly #unwritten = new Set<string>()
  /** Epochs of before this start, until there is another. */
  readonly #inherited = new Map<string, readonly number[]>()
  /** At the broker. */
  readonly #present = new Set<string>()
  /** By device and reason. */
  readonly #hintedAt = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  constructor(options: StartKeyServiceOptions, files: KeyServiceFiles, audit: AuditLog) {
    this.#options = options
    this.#files = files
    this.#audit = audit
    const { folder, broker, mqttVersion, rotateEveryMs, graceMs, quarantine, random } = options
    const now = () => Date.now()
    this.#register = new DeviceRegister(join(folder, 'parties'), now)
    this.#transports = [...this.#register.enrolled('transport')]
    for (const entry of this.#register.all()) this.#know(entry)
    const devices = this.#register.enrolled('device')
    for (const device of devices) {
      // Whose epochs are dropped when the broker is there.
      if (this.#isQuarantined(device)) continue
      this.#inherited.set(device, this.#register.get(device)?.epochs ?? [])
      this.#again.add(device)
    }
    this.#writeAcl()
    this.#channel = serviceKeyChannel({
      ...{ url: broker, clientId: SERVICE_NAME, version: mqttVersion },
      tls: { ca: files.authority.certificate, certificate: files.certificate, key: files.key },
      kindOf: (party) => {
        const entry = this.#register.get(party)
        return entry?.state === 'invited' ? undefined : entry?.kind
      },
      lost: (device) => this.#hinted(device, 'hand'),
      anomalous: (device) => this.#hinted(device, 'anomaly'),
      reported: (report) => this.#reported(report),
      present: (party, isPresent) => {
        if (isPresent) this.#present.add(party)
        else this.#present.delete(party)
      },
      changed: (isThere) => {
        if (isThere) this.#back()
        else {
          this.#present.clear()
          options.complain('the broker is away')
        }
      },
    })
    this.service = new MediaKeyService({
      ...{ channel: this.#channel, publicKeys: this.#publicKeys, transports: this.#transports },
      ...{ devices, random, now, rotateEveryMs, graceMs, quarantine },
      sign: (data) => sign(null, data, files.identity),
      nextEpoch: (device) => this.#nextEpoch(device),
      told: (device, news) => this.#told(device, news),
    })
    for (const device of devices) if (this.#isQuarantined(device)) this.service.panic(device)
    this.#timer = setInterval(() => this.#tryAgain(), AGAIN_MS)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.service.close()
    await this.#channel.close()
    this.#audit.close()
  }

  async enrol({ party, secret, publicKey, tlsKey }: EnrolRequest): Promise<unknown> {
    const clock = { now: () => Date.now() }
    const { authority, identityPublic } = this.#files
    if (!isMediaKeyRecipient(publicKey, this.#options.random)) {
      throw new LimenError('devices.key', 'The public key is no X25519 key to seal to', {
        ...{ side: 'client', retry: false },
      })
    }
    // First what may fail: a code is spent once.
    const certificate = await issueDeviceCertificate(
      ...[authority, { name: party, publicKey: tlsKey, hosts: [] }, clock, this.#options.random],
    ).catch(() => undefined)
    const entry =
      certificate === undefined ? undefined : this.#register.enrol(party, secret, publicKey)
    if (entry === undefined) {
      throw new LimenError('devices.code', 'The code is wrong, used or too old', {
        ...{ side: 'client', retry: false },
      })
    }
    try {
      this.#write('device.enrolled', party, { kind: entry.kind })
    } catch (error) {
      // Nobody is in whom the log does not name: he is invited anew.
      this.#register.revoke(party)
      throw error
    }
    this.#know(entry)
    this.#writeAcl()
    if (entry.kind === 'device') {
      this.service.add(party)
      // One that was revoked before gets none by asking.
      this.#again.add(party)
    } else {
      this.#transports.push(party)
      // It has to have all keys.
      for (const device of this.#register.enrolled('device')) this.service.rotate(device, 'hand')
    }
    return {
      ...{ party, kind: entry.kind, identity: identityPublic.toString('base64url') },
      ...{ broker: this.#options.broker, ca: authority.certificate, certificate },
    }
  }

  list(): unknown {
    return { devices: this.#register.all().map((entry) => this.#figures(entry)) }
  }

  show(party: string): unknown {
    const entry = this.#register.get(party)
    if (entry === undefined) return undefined
    return { ...this.#figures(entry), happened: this.#history.of(party) }
  }

  stream(party: string): StreamHistory {
    return this.#seen.history(party)
  }

  /** First it is written down: a limit moves by it. */
  label(party: string, label: 'false-alarm' | 'intrusion'): unknown {
    const entry = this.#register.get(party)
    if (entry?.kind !== 'device' || entry.state !== 'enrolled') {
      throw stateError(`${party} is no enrolled device`)
    }
    this.#write('device.label', party, { label })
    const said = { device: party, isIntrusion: label === 'intrusion', at: Date.now() }
    const message = writeStreamLabel(said, (data) => sign(null, data, this.#files.identity))
    for (const transport of this.#transports) this.#channel.label(transport, message)
    this.#history.meet(party, { what: `said to be: ${label}` })
    return this.show(party)
  }

  invite(party: string, kind: PartyKind): unknown {
    if (party === SERVICE_NAME) throw stateError(`${party} is the name of the service itself`)
    this.#write('device.invited', party, { kind })
    const secret = this.#register.invite(party, kind)
    this.#unwritten.delete(party)
    const { raw } = new X509Certificate(this.#files.certificate)
    return { code: enrolmentCode(party, raw, secret) }
  }

  /** First it is begun, then written down: a full disk does not keep a stolen key in force. It lifts a quarantine. */
  rekey(party: string, reason: 'hand' | 'anomaly'): unknown {
    const entry = this.#register.get(party)
    if (entry?.kind !== 'device' || entry.state !== 'enrolled') {
      throw stateError(`${party} is no enrolled device`)
    }
    this.service.add(party)
    this.service.rotate(party, reason)
    this.#register.quarantine(party, false)
    this.#write('device.rekey', party, { reason })
    return this.#figures(entry)
  }

  /**
   * First it is cut, then written down: a full disk does not keep it in.
   *
   * @throws LimenError `devices.unwritten`: it is cut, and tried again until it is written down
   */
  revoke(party: string): unknown {
    const { kind, epochs = [] } = this.#register.get(party) ?? {}
    if (kind === 'device') {
      this.service.panic(party)
      this.service.drop(epochs)
    } else {
      const at = this.#transports.indexOf(party)
      if (at >= 0) this.#transports.splice(at, 1)
      for (const device of this.#register.enrolled('device')) this.service.rotate(device, 'anomaly')
    }
    this.#again.delete(party)
    this.#history.meet(party, { what: 'revoked' })
    this.#seen.forget(party)
    try {
      this.#writeRevoked(party)
    } catch (cause) {
      this.#unwritten.add(party)
      const text = `${party} is cut, but that cannot be written down: make room, or it is in again after a restart`
      throw new LimenError('devices.unwritten', text, { side: 'operator', retry: true, cause })
    }
    return this.show(party)
  }

  /** Once more does no harm. @throws what the disk says */
  #writeRevoked(party: string): void {
    this.#register.revoke(party)
    this.#writeAcl()
    this.#write('device.revoked', party, {})
    this.#unwritten.delete(party)
  }

  #figures({ party, kind, state, since }: PartyEntry) {
    const of = state === 'enrolled' && kind === 'device' ? this.service : undefined
    const isOut = this.#isQuarantined(party)
    return {
      ...{ party, kind, state: isOut ? 'quarantined' : state, since },
      ...{ epoch: of?.epoch(party) ?? null, step: of?.step(party) ?? null },
      isPresent: this.#present.has(party),
      behavior: this.#seen.summary(party) ?? null,
    }
  }

  #know({ party, publicKey, state }: PartyEntry): void {
    if (state !== 'enrolled' || publicKey === undefined) return
    const octets = Buffer.from(publicKey, 'base64url')
    if (isMediaKeyRecipient(octets, this.#options.random)) this.#publicKeys.set(party, octets)
    else this.#options.complain(`the key of ${party} is none to seal to: it gets nothing`)
  }

  #writeAcl(): void {
    const enrolled = this.#register.all().filter(({ state }) => state === 'enrolled')
    writeBrokerAcl(this.#options.folder, enrolled)
  }

  #nextEpoch(device: string): number {
    const { epoch, isKept } = this.#register.nextEpoch(device)
    if (!isKept) this.#options.complain('an epoch could not be written down')
    return epoch
  }

  #told(device: string, news: RotationNews): void {
    const { kind } = news
    if (kind === 'changed') {
      const { epoch, reason, tookMs } = news
      this.#again.delete(device)
      this.#history.meet(device, { what: 'changed', epoch, reason, tookMs })
      this.#writeQuietly('device.changed', device, { epoch, reason })
      this.service.drop(this.#inherited.get(device) ?? [])
      this.#inherited.delete(device)
    } else if (kind === 'failed') {
      const { step, silent, reason, quarantined } = news
      const what = quarantined ? 'quarantined' : `failed: ${step}`
      this.#history.meet(device, { what, reason, from: silent.join(' ') })
      this.#writeQuietly(quarantined ? 'device.quarantined' : 'device.failed', device, { reason })
      if (quarantined) this.#quarantine(device)
      else if (step !== 'retire') {
        this.#again.add(device)
        this.#dropFailed(device)
      }
    } else {
      const what = kind === 'refused' ? `refused: ${news.code}` : 'forged'
      this.#history.meet(device, { what, from: news.from })
    }
  }

  /** Failures must not fill the transports; the last ones may be in use by a device whose answer got lost. */
  #dropFailed(device: string): void {
    const inForce = this.service.epoch(device)
    const { epochs = [] } = this.#register.get(device) ?? {}
    const [oldest] = epochs.filter((epoch) => epoch !== inForce).slice(-FAILED_KEPT - 1)
    if (oldest !== undefined && epochs.length > FAILED_KEPT) this.service.drop([oldest])
  }

  #hinted(device: string, reason: 'hand' | 'anomaly'): void {
    const now = Date.now()
    const hint = `${device} ${reason}`
    // A rotation in flight is what somebody who has lost his way waits for.
    const isUseful = reason === 'anomaly' || this.service.step(device) === 'idle'
    if (!isUseful || !this.#isIn(device) || now - (this.#hintedAt.get(hint) ?? 0) < HINT_MS) return
    this.#hintedAt.set(hint, now)
    this.service.rotate(device, reason)
  }

  #reported(report: StreamReport): void {
    const { device, rotate, reasons } = report
    if (!this.#isIn(device)) return
    this.#seen.meet(report)
    if (!rotate) return
    const why = reasons.map(({ what }) => what).join(', ')
    this.#history.meet(device, { what: 'anomalous', why })
    this.#writeQuietly('device.anomalous', device, { why })
  }

  #isIn(device: string): boolean {
    const { kind, state } = this.#register.get(device) ?? {}
    return kind === 'device' && state === 'enrolled' && !this.#isQuarantined(device)
  }

  /** Nothing is to be taken from it: by a rotation that failed when it mattered. */
  #quarantine(device: string): void {
    try {
      this.#register.quarantine(device, true)
    } catch {
      this.#options.complain(`${device} is in quarantine, and that could not be written down`)
    }
  }

  #isQuarantined(party: string): boolean {
    return this.#register.get(party)?.isQuarantined === true
  }

  /** The broker is there: who is out is put out again, as nobody may have heard it. */
  #back(): void {
    for (const { party, kind, state, epochs } of this.#register.all()) {
      const isOut = state === 'revoked' || this.#isQuarantined(party)
      if (kind === 'device' && isOut) this.service.drop(epochs)
    }
    this.#tryAgain()
  }

  #tryAgain(): void {
    for (const party of this.#unwritten) {
      try {
        this.#writeRevoked(party)
      } catch {
        // The disk is full still; whoever revoked it knows.
      }
    }
    if (!this.#channel.isThere) return
    for (const device of this.#again) {
      const isPossible = [device, ...this.#transports].every((one) => this.#present.has(one))
      if (!isPossible || this.service.step(device) !== 'idle') continue
      this.#again.delete(device)
      if (this.#isIn(device)) this.service.rotate(device, 'time')
    }
  }

  /** @throws LimenError `audit-unwritable` */
  #write(action: string, subject: string, detail: Readonly<Record<string, unknown>>): void {
    this.#audit.append({ who: 'operator', action, subject, detail })
  }

  /** What has happened already, and what no full disk may stop. */
  #writeQuietly(action: string, subject: string, detail: Readonly<Record<string, unknown>>): void {
    try {
      this.#audit.append({ who: SERVICE_NAME, action, subject, detail })
    } catch {
      this.#options.complain('the audit log cannot be written')
    }
  }
}

function stateError(text: string): LimenError {
  return new LimenError('devices.state', text, { side: 'operator', retry: false })
}
