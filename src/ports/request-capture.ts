/**
 * Requests of sessions in tier 3 as they are captured for whoever analyses them, and where they are kept: each sealed under a key of
 * its own, for a time, never more than so many octets. Storage is not trusted.
 *
 * @module
 */
export interface FlowEnd {
  readonly address: string
  readonly port: number
}

/** As a worker has seen it. Credentials have been taken out of `fields`, not out of `body`. */
export interface CapturedRequest {
  /** base64url. */
  readonly session: string
  /** When its head was complete, milliseconds since 1970. */
  readonly at: number
  readonly client: FlowEnd
  readonly server: FlowEnd
  /** Of the connection: milliseconds since 1970. */
  readonly openedAt: number
  /** Which request of the connection, from 0. */
  readonly nth: number
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly host: string
  /** As its server got them: names and values in order. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** The begin of it, without framing, opened where it was sealed. */
  readonly body: Uint8Array
  /** Of the whole body, as far as it came. */
  readonly bodyBytes: number
  /** Its end came, and all of its fields are here; `body` may be less than `bodyBytes` all the same. */
  readonly isWhole: boolean
  /** Of its server's answer; 0 for none. */
  readonly status: number
}

export interface Capture extends CapturedRequest {
  /** ULID. */
  readonly id: string
  /** Id of the person, '' while nobody has said. */
  readonly person: string
  readonly score: number
  /** Codes. */
  readonly reasons: readonly string[]
}

export interface CaptureStoreStanding {
  readonly captures: number
  /** As they are sealed. */
  readonly bytes: number
}

export interface CaptureStore {
  /** Resolves when they would survive the process. */
  add(captures: readonly Capture[]): Promise<void>
  /** undefined: there is none that can be opened. */
  get(id: string): Capture | undefined
  /** The newest first. @param before only older ones than this id */
  list(options: { readonly limit: number; readonly before?: string }): readonly Capture[]
  /** Destroys the keys, then what they seal, of all older than this; and the oldest of what is beyond so many octets. @returns how many */
  forget(beforeMs: number, bytesMax: number): Promise<number>
  /** All of a person, and of these sessions: who it was may have been said later. @returns how many */
  erase(person: string, sessions: readonly string[]): Promise<number>
  standing(): CaptureStoreStanding
  close(): Promise<void>
}
