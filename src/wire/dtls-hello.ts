/**
 * ClientHellos in DTLS records (RFC 6347 section 4, RFC 9147 section 5): one datagram in, the hellos it
 * completes out. A hello in fragments over several datagrams is put together.
 *
 * @module
 */
import { u16, u24 } from './big-endian.ts'
import { type ClientHello, readClientHelloMessage } from './client-hello-message.ts'
import { HandshakeStream } from './handshake-stream.ts'

const RECORD_HEADER_BYTES = 13
const HANDSHAKE_HEADER_BYTES = 12
const HANDSHAKE = 22
const CLIENT_HELLO = 1

/** Looks like a DTLS record: content type 20 to 25, version FE FF to FE FC (or 01 00, Cisco's). */
export function isDtls(datagram: Uint8Array): boolean {
  const type = datagram[0] ?? 0
  const version = u16(datagram, 1)
  const known = version === 0x0100 || (version >= 0xfefc && version <= 0xfeff)
  return datagram.length >= RECORD_HEADER_BYTES && type >= 20 && type <= 25 && known
}

/** Reads one client's datagrams, in the order they come. */
export class DtlsHelloReader {
  /** The hello being put together and the ones done, by their message sequence number. */
  #sequence = -1
  #length = 0
  #stream = new HandshakeStream()
  #done = false
  #chunks = 0

  feed(datagram: Uint8Array, atMs: number): ClientHello[] {
    const hellos: ClientHello[] = []
    let at = 0
    while (at + RECORD_HEADER_BYTES <= datagram.length) {
      const end = at + RECORD_HEADER_BYTES + u16(datagram, at + 11)
      // Epoch 0: later ones are encrypted.
      if (!isDtls(datagram.subarray(at)) || end > datagram.length) break
      if (datagram[at] === HANDSHAKE && u16(datagram, at + 3) === 0) {
        const version = u16(datagram, at + 1)
        this.#readRecord(datagram.subarray(at + RECORD_HEADER_BYTES, end), version, atMs, hellos)
      }
      at = end
    }
    return hellos
  }

  #readRecord(record: Uint8Array, version: number, atMs: number, hellos: ClientHello[]): void {
    let at = 0
    while (at + HANDSHAKE_HEADER_BYTES <= record.length) {
      const end = at + HANDSHAKE_HEADER_BYTES + u24(record, at + 9)
      if (end > record.length) return
      if (record[at] === CLIENT_HELLO) {
        const hello = this.#addFragment(record, at, end, atMs)
        if (hello !== undefined) hellos.push({ ...hello, recordVersion: version })
      }
      at = end
    }
  }

  #addFragment(record: Uint8Array, at: number, end: number, atMs: number): ClientHello | undefined {
    const sequence = u16(record, at + 4)
    const length = u24(record, at + 1)
    if (sequence !== this.#sequence || length !== this.#length) {
      this.#sequence = sequence
      this.#length = length
      this.#stream = new HandshakeStream()
      // The stream wants a TLS handshake header: the one of DTLS without its fragment fields.
      this.#stream.add(0, record.slice(at, at + 4))
      this.#done = false
      this.#chunks = 0
    }
    // The same hello sent again, its answer being late.
    if (this.#done) return undefined
    this.#chunks++
    const offset = u24(record, at + 6)
    const [message] = this.#stream.add(
      4 + offset,
      record.subarray(at + HANDSHAKE_HEADER_BYTES, end),
    )
    if (message === undefined) return undefined
    this.#done = true
    const read = readClientHelloMessage(message.bytes, 4, message.bytes.length, { cookie: true })
    if (read.hello === undefined) return undefined
    const { hello } = read
    hello.chunks = this.#chunks
    hello.records = this.#chunks
    hello.bytes = message.bytes.length
    hello.startedAt = atMs
    hello.completedAt = atMs
    return hello
  }
}
