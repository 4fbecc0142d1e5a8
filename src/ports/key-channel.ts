/**
 * How keys of media get to devices and transports, and their answers back: MQTT, a pipe, or a call in one process. It carries octets that
 * are sealed and signed: a channel is trusted with nothing but the name of who answers. It may lose, repeat and reorder.
 *
 * @module
 */

/** The key service's end. */
export interface KeyChannel {
  /** Takes LMK1 for one party; neither waits nor throws: whether it arrived is in the answer. */
  send(to: string, message: Uint8Array): void
  /** One listener: who answers, as the channel knows it (its certificate, its end of a pipe), and what. */
  listen(heard: (from: string, answer: Uint8Array) => void): void
}

/** A device's or a transport's end. */
export interface PartyChannel {
  send(answer: Uint8Array): void
  listen(heard: (message: Uint8Array) => void): void
}
