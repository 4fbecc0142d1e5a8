/**
 * What media keys cost: SRTP of packets of 1200 octets beside werift in the same run (CPU, median of rounds in turn, each in a process of its own), a
 * transport of thousands of devices in a process of its own over real UDP, with its memory, and what agent and transport add to the way of a
 * packet.
 *
 * @module
 */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { SrtpSender } from '../src/adapters/media/srtp-sender.ts'
import { bindSocket } from '../src/apps/media/datagrams.ts'
import type { BenchCost, BenchStart, BenchStarted } from './srtp-process.ts'
import { PACKET_BYTES, type RoundCost, rtp } from './srtp-rounds.ts'

const HOST = '127.0.0.1'
const ROUNDS = 15
const WARM_UP_ROUNDS = 5
/** A stream of 5 Mbit/s of such packets. */
const STREAM_PACKETS_PER_S = 5e6 / 8 / PACKET_BYTES
const STREAMS = 4000
const PACKETS_PER_STREAM = 15
/** On the way at once: far less than a socket buffers. */
const WINDOW = 256
const LATENCY_STREAMS = 4
const LATENCY_PACKETS = 20_000
const AGENT_PORT = 19_400

/** Rounds in turn; the medians. */
async function besideWerift() {
  const names = ['limen', 'werift'] as const
  const path = join(import.meta.dirname, 'srtp-rounds.ts')
  const children = names.map((name) => fork(path, [name]))
  const costs: RoundCost[][] = names.map(() => [])
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const [i, child] of children.entries()) {
      child.send(round)
      const [cost] = (await once(child, 'message')) as [RoundCost]
      // Not compiled yet, it is no measure.
      if (round >= WARM_UP_ROUNDS) costs[i]?.push(cost)
    }
  }
  for (const child of children) child.disconnect()
  const medianUs = (i: number, what: keyof RoundCost) =>
    (costs[i] ?? []).map((cost) => cost[what]).sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN
  const figures = (what: keyof RoundCost) => ({
    ours: medianUs(0, what),
    theirs: medianUs(1, what),
  })
  const [protect, unprotect] = [figures('protectUs'), figures('unprotectUs')]
  return {
    protect_per_s: 1e6 / protect.ours,
    unprotect_per_s: 1e6 / unprotect.ours,
    werift_protect_per_s: 1e6 / protect.theirs,
    werift_unprotect_per_s: 1e6 / unprotect.theirs,
    protect_ratio: protect.theirs / protect.ours,
    unprotect_ratio: unprotect.theirs / unprotect.ours,
  }
}

interface Transport {
  readonly port: number
  readonly senders: readonly SrtpSender[]
  /** From the first order to the last answer, orders sealed in it. */
  readonly keysS: number
  /** Before any device was there. */
  readonly baseBytes: number
  cost(): Promise<BenchCost>
  end(): void
}

async function startTransport(outputPort: number): Promise<Transport> {
  const keys = Array.from({ length: STREAMS }, () => randomBytes(28))
  const child = fork(join(import.meta.dirname, 'srtp-process.ts'), { execArgv: ['--expose-gc'] })
  const hex = keys.map((key) => key.toString('hex'))
  child.send({ keys: hex, host: HOST, agentPort: AGENT_PORT, outputPort } satisfies BenchStart)
  const [started] = (await once(child, 'message')) as [BenchStarted]
  const senders = keys.map((bytes, i) => {
    const sender = new SrtpSender()
    sender.install(i + 1, { key: bytes.subarray(0, 16), salt: bytes.subarray(16) })
    sender.activate(i + 1)
    return sender
  })
  return {
    ...{ ...started, senders },
    async cost() {
      child.send('cost')
      const [cost] = (await once(child, 'message')) as [BenchCost]
      return cost
    },
    end: () => void child.disconnect(),
  }
}

/** As many packets as come back, one stream after the other, {@link WINDOW} on the way. */
async function overUdp() {
  const sink = await bindSocket({ host: HOST, port: 0 })
  const source = await bindSocket({ host: HOST, port: 0 })
  const transport = await startTransport(sink.address().port)
  const total = STREAMS * PACKETS_PER_STREAM
  let sent = 0
  let came = 0
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const fill = () => {
    while (sent < total && sent - came < WINDOW) {
      const packet = rtp(Math.floor(sent / STREAMS), sent % STREAMS)
      const sealed = transport.senders[sent % STREAMS]?.protect(packet) ?? 'none'
      if (typeof sealed === 'string') throw new Error(`not sent: ${sealed}`)
      source.send(sealed, transport.port, HOST)
      sent++
    }
  }
  let last = 0
  sink.on('message', () => {
    came++
    if (came === total) resolve()
    else if (sent - came <= WINDOW / 2) fill()
  })
  // A datagram that got lost must not stop it: it shows in the figures.
  const timer = setInterval(() => {
    if (came === last) resolve()
    last = came
  }, 5000)
  const before = await transport.cost()
  const from = performance.now()
  fill()
  await done
  const tookS = (performance.now() - from) / 1000
  const after = await transport.cost()
  const cost = after.cpuUs - before.cpuUs
  clearInterval(timer)
  transport.end()
  sink.close()
  source.close()
  return {
    udp_streams: after.streams,
    udp_keys_s: transport.keysS,
    bytes_per_stream: (after.rssBytes - transport.baseBytes) / STREAMS,
    udp_packets_per_s: came / tookS,
    udp_packets_per_core_s: (came * 1e6) / cost,
    udp_lost: total - came,
    streams_5mbit_per_core: (came * 1e6) / cost / STREAM_PACKETS_PER_S,
  }
}

/** Milliseconds on the way, of packets that leave evenly. */
async function latencies(port: number, inAt: Awaited<ReturnType<typeof bindSocket>>) {
  const source = await bindSocket({ host: HOST, port: 0 })
  const times: number[] = []
  const heard = (packet: Buffer) => times.push(performance.now() - packet.readDoubleBE(16))
  inAt.on('message', heard)
  const begun = performance.now()
  for (let i = 0; i < LATENCY_PACKETS; ) {
    const due = ((performance.now() - begun) / 1000) * LATENCY_STREAMS * STREAM_PACKETS_PER_S
    for (; i < Math.min(due, LATENCY_PACKETS); i++) {
      const packet = rtp(i, 7)
      packet.writeDoubleBE(performance.now(), 16)
      source.send(packet, port, HOST)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise((resolve) => setTimeout(resolve, 500))
  inAt.off('message', heard)
  source.close()
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99), came: times.length }
}

async function addedLatency() {
  const sink = await bindSocket({ host: HOST, port: 0 })
  const direct = await latencies(sink.address().port, sink)
  const transport = await startTransport(sink.address().port)
  const through = await latencies(AGENT_PORT, sink)
  transport.end()
  sink.close()
  return {
    direct_p50_ms: direct.p50,
    direct_p99_ms: direct.p99,
    through_p50_ms: through.p50,
    through_p99_ms: through.p99,
    added_p50_ms: through.p50 - direct.p50,
    added_p99_ms: through.p99 - direct.p99,
    latency_lost: LATENCY_PACKETS - through.came,
  }
}

export async function benchSrtp(say: (line: string) => void) {
  const [load = 0] = loadavg()
  const figures = {
    ...{ ...(await besideWerift()), ...(await overUdp()), ...(await addedLatency()) },
    // Of the machine before: latencies of a busy one say little.
    load,
  }
  for (const [name, value] of Object.entries(figures)) {
    say(`  ${name.padEnd(24)} ${value.toFixed(value < 100 ? 3 : 0)}`)
  }
  return figures
}
