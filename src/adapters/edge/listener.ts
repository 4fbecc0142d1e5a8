/**
 * One listening address of one worker: accepts, reads the greeting, asks the gatekeeper, starts TLS,
 * hands over to HTTP/1 or HTTP/2. Workers share an address by SO_REUSEPORT.
 *
 * @module
 */
import net from 'node:net'
import { LimenError } from '../../ground/limen-error.ts'
import type { ListenerSettings } from '../../ports/data-plane.ts'
import { type Accepted, HandleAccepted, SocketAccepted } from './accepted.ts'
import type { HelloSeen } from './admission.ts'
import type { Channel } from './channel.ts'
import { ClientConnection, type Speaker } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { type Greeting, GreetingReader } from './greeting.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2-connection.ts'
import { NATIVE, type NativeStreams, type TcpHandle } from './native-streams.ts'
import { Outlet } from './outlet.ts'
import { refusalHttp1 } from './refusal.ts'
import { shakeHands } from './shake-hands.ts'
import { tlsAlertFor } from './tls-alert.ts'

/** Connections the kernel completes before we accept them. */
const BACKLOG = 4096
/** How long a refused client may take to read the answer and close. */
const LINGER_MS = 2_000

/** What a listener needs from the worker besides the context. */
export interface ListenerHost {
  readonly edge: EdgeContext
  readonly connections: Set<ClientConnection>
  onDecision(connection: ClientConnection): void
}

/** Waits for something with a deadline; when it passes the socket is destroyed. */
class Waiting implements Speaker {
  deadline: number
  readonly #expire: () => void
  constructor(deadline: number, expire: () => void) {
    this.deadline = deadline
    this.#expire = expire
  }
  expire(): void {
    this.#expire()
  }
  drain(): void {}
  closed(): void {}
}

export class Listener {
  readonly #host: ListenerHost
  readonly #server: net.Server
  #settings: ListenerSettings
  #alpn: Uint8Array

  constructor(settings: ListenerSettings, host: ListenerHost) {
    this.#settings = settings
    this.#alpn = alpnList(settings.alpn)
    this.#host = host
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(new SocketAccepted(socket)),
    )
  }

  get settings(): ListenerSettings {
    return this.#settings
  }

  /** Takes settings for the same address. */
  reload(settings: ListenerSettings): void {
    this.#settings = settings
    this.#alpn = alpnList(settings.alpn)
  }

  /** @throws LimenError `address-in-use`, `address-denied`, `listen-failed` */
  async listen(): Promise<void> {
    const { host, port } = this.settings
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const code =
          cause.code === 'EADDRINUSE'
            ? 'address-in-use'
            : cause.code === 'EACCES'
              ? 'address-denied'
              : 'listen-failed'
        const message = `Cannot listen on ${host}:${port}: ${cause.code ?? cause.message}`
        reject(new LimenError(code, message, { side: 'operator', retry: true, cause }))
      })
      this.#server.listen({ host, port, reusePort: true, backlog: BACKLOG }, () => {
        this.#server.removeAllListeners('error')
        // Running out of file descriptors is not the end: those accepted go on being served.
        this.#server.on('error', () => this.#host.edge.meter.refused('accept-failed'))
        if (NATIVE !== undefined) this.#acceptHandles(NATIVE)
        resolve()
      })
    })
  }

  /** Takes connections before Node makes sockets of them. */
  #acceptHandles(streams: NativeStreams): void {
    const { _handle } = this.#server as unknown as { readonly _handle: ListeningHandle }
    _handle.onconnection = (status, handle) => {
      if (handle === undefined || status < 0) this.#host.edge.meter.refused('accept-failed')
      else this.#accept(new HandleAccepted(handle, streams))
    }
  }

  /** Accepts no more; connections go on. */
  close(): void {
    this.#server.close()
  }

  #accept(accepted: Accepted): void {
    const { edge, connections } = this.#host
    const { settings } = this
    const { limits, timeouts } = edge.settings
    const connection = new ClientConnection(accepted, settings, edge.wallClock(), NOBODY)
    if (connections.size >= limits.connectionsMax || accepted.remoteAddress === '') {
      edge.meter.refused('too-many-connections')
      if (settings.tls) accepted.destroy()
      // Nobody watches this one: it may not stay half open for as long as the client likes.
      else lastWord(accepted.channel, refusalHttp1('too-many-connections', '', true))
      return
    }
    connections.add(connection)
    edge.meter.connectionsTotal++
    edge.meter.connectionsOpen++
    accepted.onClose(() => {
      edge.meter.connectionsOpen--
      connections.delete(connection)
      connection.speaker.closed()
    })
    if (!settings.tls && settings.proxyProtocol === 'off') {
      this.#plain(connection)
      accepted.channel.resumeReads()
      return
    }
    connection.speaker = new GreetingReader(accepted.channel, {
      tls: settings.tls,
      proxyProtocol: settings.proxyProtocol === 'required',
      helloMs: timeouts.helloMs,
      helloChunkMs: timeouts.helloChunkMs,
      now: edge.now,
      wallClock: edge.wallClock,
      done: (greeting, octets) => this.#greeted(connection, greeting, octets),
      failed: (code, hello) => this.#ungreeted(connection, code, hello),
    })
    accepted.channel.resumeReads()
  }

  #greeted(
    connection: ClientConnection,
    { proxy, seen }: Greeting,
    octets: Buffer | undefined,
  ): void {
    connection.believe(proxy)
    if (seen === undefined) {
      this.#plain(connection)
      if (connection.speaker instanceof Http1Connection) connection.speaker.begin(octets)
      return
    }
    this.#decide(connection, seen)
    if (seen.kind === 'error') this.#refuse(connection, seen.code, octets)
    else this.#secure(connection, seen, octets as Buffer)
  }

  #ungreeted(
    connection: ClientConnection,
    code: 'closed' | 'timeout' | 'proxy-header',
    hello: (HelloSeen & { kind: 'hello' })['hello'] | undefined,
  ): void {
    const { edge } = this.#host
    edge.meter.refused(`hello-${code}`)
    if (code !== 'proxy-header' && this.settings.tls) {
      this.#decide(connection, { kind: 'error', code, ...(hello === undefined ? {} : { hello }) })
    }
    connection.channel.destroy()
  }

  #decide(connection: ClientConnection, seen: HelloSeen): void {
    const { edge } = this.#host
    edge.meter.hello(connection.listener)
    if (seen.kind === 'error') edge.meter.helloRefused(connection.listener)
    const lineage = seen.hello && edge.certificates.lineageOf(seen.hello)
    connection.decision = edge.gatekeeper.admitHandshake(
      {
        remoteAddress: connection.remoteAddress,
        remotePort: connection.remotePort,
        listener: connection.listener,
        acceptedAt: connection.openedAt,
        lineage,
      },
      seen,
    )
    this.#host.onDecision(connection)
  }

  /** No TLS to be had: plain HTTP gets a plain answer, anything else a TLS alert. */
  #refuse(connection: ClientConnection, code: string, octets: Buffer | undefined): void {
    const { edge } = this.#host
    const first = octets?.[0] ?? 0
    const looksLikeHttp = code === 'not_tls' && first >= 65 && first <= 122
    edge.meter.refused(looksLikeHttp ? 'plain-on-tls' : 'hello-malformed')
    edge.meter.handshakesFailed++
    this.#sayAndClose(
      connection,
      looksLikeHttp
        ? refusalHttp1('plain-on-tls', connection.decision?.id ?? '', true)
        : tlsAlertFor(code),
    )
  }

  /** The last word, which the client has a little time to read. */
  #sayAndClose(connection: ClientConnection, octets: Buffer): void {
    const { channel } = connection
    const until = this.#host.edge.now() + LINGER_MS
    connection.speaker = new Waiting(until, () => channel.destroy())
    const outlet = new Outlet(channel, ignore)
    outlet.write(octets)
    outlet.end()
    channel.takeReads(() => true)
    channel.resumeReads()
  }

  #secure(
    connection: ClientConnection,
    { hello }: HelloSeen & { kind: 'hello' },
    octets: Buffer,
  ): void {
    const { edge } = this.#host
    shakeHands({
      connection,
      edge,
      hello,
      octets,
      minVersion: this.settings.minVersion,
      alpn: this.#alpn,
      since: edge.now(),
      onSecure: (session) => this.#http(connection, session.alpn === 'h2'),
      onRefused: (code) => {
        edge.meter.refused(code)
        edge.meter.helloRefused(connection.listener)
        // Without waiting for the client to close: a flood costs as little as can be.
        lastWord(connection.channel, tlsAlertFor(code))
      },
    })
  }

  #plain(connection: ClientConnection): void {
    const { edge } = this.#host
    connection.decision = edge.gatekeeper.admitPlain({
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      listener: connection.listener,
      acceptedAt: connection.openedAt,
    })
    this.#host.onDecision(connection)
    this.#http(connection, false)
  }

  #http(connection: ClientConnection, http2: boolean): void {
    const { edge } = this.#host
    connection.protocol = http2 ? 'h2' : 'http/1.1'
    connection.speaker = http2
      ? new Http2Connection(connection, edge)
      : new Http1Connection(connection, edge)
    // The handshake was under way when the drain began.
    if (edge.draining) connection.speaker.drain()
  }
}

const NOBODY: Speaker = {
  deadline: Number.POSITIVE_INFINITY,
  expire: ignore,
  drain: ignore,
  closed: ignore,
}

/** Says something, and drops the connection when it is out. */
function lastWord(channel: Channel, octets: Buffer): void {
  const outlet = new Outlet(channel, ignore)
  outlet.write(octets)
  outlet.endSoon()
}

/** Node's listening handle, as far as it is used here. */
interface ListeningHandle {
  onconnection(status: number, handle: TcpHandle | undefined): void
}

/** RFC 7301 section 3.1: each name behind its length. */
function alpnList(protocols: readonly string[]): Uint8Array {
  return Buffer.concat(
    protocols.map((name) => Buffer.from(`${String.fromCharCode(name.length)}${name}`)),
  )
}

function ignore(): void {}
