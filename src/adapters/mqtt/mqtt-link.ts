/**
 * One connection to a broker of MQTT 5 or 3.1.1, with TLS and a certificate of one's own. It comes back by itself. What is said while it is
 * away is lost, and so is what waited at the broker: an order that comes late is refused anyway, and those who want an answer ask again.
 *
 * @module
 */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'

export interface MqttLinkOptions {
  /** `mqtts://host:port`; `mqtt:` only where the network is trusted. */
  readonly url: string
  /** The broker may make it the same as the name of the certificate. */
  readonly clientId: string
  /** PEM; undefined with `mqtt:`. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string }
  readonly version: 4 | 5
  /** Retained: `online`, and by the broker `offline` when this end is gone. */
  readonly stateTopic: string
  /** Topics or filters. */
  readonly subscribe: readonly string[]
  /** @param isRetained said before anybody listened, at any time */
  heard(topic: string, payload: Uint8Array, isRetained: boolean): void
  /** Each time it is there, or gone. */
  changed(isThere: boolean): void
}

const RECONNECT_MS = 1000
const CONNECT_MS = 10_000
/** Half as much again without a sign of life, and the broker says `offline`. */
const KEEPALIVE_S = 10
/** LMK/1: what is older is refused. */
const EXPIRY_S = 30
/** What is said on `stateTopic`. */
export const LINK_STATES = { there: 'online', gone: 'offline' } as const
const CLOSE_MS = 1000

export class MqttLink {
  readonly #options: MqttLinkOptions
  readonly #client: MqttClient
  #isThere = false

  constructor(options: MqttLinkOptions) {
    this.#options = options
    const { url, clientId, version, tls, stateTopic, heard } = options
    const settings: IClientOptions = {
      ...{ clientId, protocolVersion: version, clean: true, keepalive: KEEPALIVE_S },
      ...{ reconnectPeriod: RECONNECT_MS, connectTimeout: CONNECT_MS, queueQoSZero: false },
      // Subscribing is ours: the library's own way says nothing when it fails.
      resubscribe: false,
      will: { topic: stateTopic, payload: Buffer.from(LINK_STATES.gone), qos: 1, retain: true },
      ...(tls === undefined
        ? {}
        : { ca: tls.ca, cert: tls.certificate, key: tls.key, rejectUnauthorized: true }),
    }
    this.#client = mqtt.connect(url, settings)
    this.#client.on('connect', () => void this.#begin())
    this.#client.on('close', () => this.#change(false))
    // Whatever it is, `close` follows, and another attempt.
    this.#client.on('error', () => {})
    this.#client.on('message', (topic, payload, { retain }) => heard(topic, payload, retain))
  }

  get isThere(): boolean {
    return this.#isThere
  }

  /** At least once when the connection holds; else it is lost. */
  say(topic: string, payload: Uint8Array): void {
    if (this.#isThere) this.#publish(topic, payload, false)
  }

  /** Resolves when `offline` has been said, or could not be. */
  async close(): Promise<void> {
    const { stateTopic } = this.#options
    if (this.#isThere) {
      const said = this.#client.publishAsync(stateTopic, LINK_STATES.gone, { qos: 1, retain: true })
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, CLOSE_MS)
      await Promise.race([said.then(() => {}, noop), promise])
      clearTimeout(timer)
    }
    await this.#client.endAsync(true)
  }

  async #begin(): Promise<void> {
    const { subscribe, stateTopic } = this.#options
    try {
      await this.#client.subscribeAsync([...subscribe], { qos: 1 })
    } catch {
      // Without its topics it is not there: from the beginning, after the usual pause.
      if (this.#client.connected) this.#client.reconnect()
      return
    }
    if (!this.#client.connected) return
    this.#publish(stateTopic, Buffer.from(LINK_STATES.there), true)
    this.#change(true)
  }

  #publish(topic: string, payload: Uint8Array, retain: boolean): void {
    const expires = this.#options.version === 5 && !retain
    const properties = expires ? { properties: { messageExpiryInterval: EXPIRY_S } } : {}
    this.#client.publish(topic, Buffer.from(payload), { qos: 1, retain, ...properties }, noop)
  }

  #change(isThere: boolean): void {
    if (isThere === this.#isThere) return
    this.#isThere = isThere
    this.#options.changed(isThere)
  }
}

function noop(): void {}
