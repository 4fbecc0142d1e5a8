/**
 * What custody costs over the wire: five nodes as processes, mTLS over loopback, one caller. Signatures by 3 of 5 per second, and how long one
 * operation takes, with and without asking another holder when one is slow; also while one node stands still now and then, as a process
 * does that collects garbage or shares its core.
 *
 * @module
 */
import type { CustodyClient } from '../src/apps/custody/custody-client.ts'
import { type CustodyCluster, startCustodyCluster } from '../test/custody-cluster.ts'
import { cpuMicros } from './process-tree.ts'

const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }
const CA = { name: 'ca', version: 1 }
const OBJECTS = { name: 'objects', version: 1 }
const TABLE = { name: 'table', version: 1 }
const MESSAGE = new Uint8Array(200)
/** At once, for throughput. */
const WIDE = 8
const SIGNATURES = 400
/** Before they are measured: so many, until engines have compiled what runs in all processes. */
const SIGNED_BEFORE = 800
/** Of each operation, one after the other. */
const OPERATIONS = 150
const WARM_UP = 120
/** Out of every 400 ms. */
const STALL_MS = 100
const STALL_EVERY_MS = 400

export async function benchCustodyNodes() {
  const cluster = await startCustodyCluster(HOLDING.nodes.length)
  try {
    const hedged = await cluster.client()
    const plain = await cluster.client('server', { hedges: false })
    const driver = cluster.driver(hedged, 0)
    await driver.make({ use: 'sign', ...CA }, HOLDING)
    await driver.make({ use: 'derive', ...OBJECTS }, HOLDING)
    await driver.bring({ use: 'encrypt', ...TABLE }, new Uint8Array(32).fill(1), HOLDING)
    for (const client of [hedged, plain]) {
      for (let i = 0; i < WARM_UP; i++) await mixed(client, i)
    }
    const frost = await throughput(hedged)
    const calm = await latencies(hedged, plain)
    const stalls = stall(cluster)
    const stalled = await latencies(hedged, plain).finally(() => stalls.end())
    return {
      ...frost,
      op_p50_ms: calm.hedged.p50,
      op_p99_ms: calm.hedged.p99,
      op_plain_p50_ms: calm.plain.p50,
      op_plain_p99_ms: calm.plain.p99,
      op_stalled_p50_ms: stalled.hedged.p50,
      op_stalled_p99_ms: stalled.hedged.p99,
      op_stalled_plain_p50_ms: stalled.plain.p50,
      op_stalled_plain_p99_ms: stalled.plain.p99,
    }
  } finally {
    await cluster.close()
  }
}

/** Signatures by {@link WIDE} callers at once: how many a second, and what one costs all processes, and the caller's alone. */
async function throughput(client: CustodyClient) {
  await signAll(client, SIGNED_BEFORE)
  const all = cpuMicros(process.pid)
  const own = process.cpuUsage()
  const begun = performance.now()
  await signAll(client, SIGNATURES)
  const { user, system } = process.cpuUsage(own)
  return {
    frost_nodes_per_s: (1000 * SIGNATURES) / (performance.now() - begun),
    frost_nodes_cpu_ms: (cpuMicros(process.pid) - all) / 1000 / SIGNATURES,
    frost_caller_cpu_ms: (user + system) / 1000 / SIGNATURES,
  }
}

async function signAll(client: CustodyClient, count: number): Promise<void> {
  let left = count
  const work = async (): Promise<void> => {
    while (left-- > 0) await client.sign(CA, MESSAGE)
  }
  await Promise.all(Array.from({ length: WIDE }, work))
}

/** Signatures, keys of objects and encryptions in turn. */
async function mixed(client: CustodyClient, i: number): Promise<void> {
  if (i % 3 === 0) await client.sign(CA, MESSAGE)
  else if (i % 3 === 1) (await client.derive(OBJECTS, MESSAGE.subarray(0, 16))).fill(0)
  else await client.encrypt(TABLE, MESSAGE)
}

/** The two take turns, so that a busy machine is busy for both. */
async function latencies(hedged: CustodyClient, plain: CustodyClient) {
  const times = { hedged: [] as number[], plain: [] as number[] }
  for (let i = 0; i < 3 * OPERATIONS; i++) {
    for (const [of, client] of [
      ['hedged', hedged],
      ['plain', plain],
    ] as const) {
      const begun = performance.now()
      await mixed(client, i)
      times[of].push(performance.now() - begun)
    }
  }
  const at = (of: number[], share: number): number =>
    of.sort((a, b) => a - b)[Math.floor(share * (of.length - 1))] ?? Number.NaN
  const both = (of: number[]) => ({ p50: at(of, 0.5), p99: at(of, 0.99) })
  return { hedged: both(times.hedged), plain: both(times.plain) }
}

/** Stops a node now and then, another one each time. */
function stall({ nodes }: CustodyCluster) {
  let turn = 0
  const timer = setInterval(() => {
    const node = nodes[turn++ % nodes.length]
    node?.signal('SIGSTOP')
    setTimeout(() => node?.signal('SIGCONT'), STALL_MS)
  }, STALL_EVERY_MS)
  return { end: () => clearInterval(timer) }
}
