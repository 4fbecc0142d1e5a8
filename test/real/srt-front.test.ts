/**
 * Encoders that speak SRT, ffmpeg with libsrt at both ends, through a relay with passphrases by the key channel: what comes is what was sent, a new
 * connection is there before the old one ends, garbage and floods change nothing, and who takes the place of an encoder is noticed and cut.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import {
  type DeviceSite,
  freeMediaPort,
  HOST,
  type Started,
  startDeviceSite,
  startProcess,
  until,
} from './device-keys-site.ts'
import { ffmpegScript, type Middle, srtReceiver, startMiddle } from './srt-programs.ts'

const DEVICE = 'camera-1'
/** What comes at least of an epoch before something else happens. */
const ENOUGH_BYTES = 200_000
const CAPTURED: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../fixtures/srt-packets.json', import.meta.url), 'utf8'),
)

interface SrtSite {
  readonly site: DeviceSite
  readonly relayPort: number
  readonly middle: Middle
  /** The epochs in whose files something came, ascending. */
  epochs(): number[]
  /** Octets that came under an epoch. */
  came(epoch: number): number
  passphrase(epoch: number): string
  stopAgent(): Promise<void>
  /** Ends relay and agent: what the relay counted. */
  stop(): Promise<Counted>
}

interface Counted {
  readonly cut: number
  readonly keyChanges: number
  readonly sentAgain: number
  readonly dropped: Readonly<Record<string, number>>
}

it('a stream comes as it was sent; with another passphrase the new connection is there first', async () => {
  await withSrt(async ({ site, epochs, came, stop }) => {
    await until('a stream', () => epochs().some((epoch) => came(epoch) > ENOUGH_BYTES))
    const [first = 0] = epochs()
    await site.devices('rekey', DEVICE)
    let [newAt, oldAt, oldSize] = [0, 0, came(first)]
    await until('a stream under another passphrase', () => {
      const [, second = 0] = epochs()
      if (newAt === 0 && came(second) > 0) newAt = Date.now()
      if (came(first) > oldSize) oldAt = Date.now()
      oldSize = came(first)
      return second !== 0 && came(second) > ENOUGH_BYTES
    })
    assert.ok(newAt > 0 && oldAt > newAt, `new at ${newAt}, old until ${oldAt}`)
    const { keyChanges, sentAgain, dropped } = await stop()
    assert.equal(site.audit('device.anomalous', DEVICE), 0)
    assert.ok(keyChanges > 0)
    const compared = [...pairsIn(site.folder)].map(({ sent, received }) => {
      assert.ok(received.length > ENOUGH_BYTES)
      assert.deepEqual(received, sent.subarray(0, received.length))
      return received.length
    })
    assert.equal(compared.length, 2)
    console.log(
      `octets the same: ${compared.join(', ')}; both came for ${oldAt - newAt} ms; ${keyChanges} changes of SRT's own keys; ${sentAgain} sent again; ${JSON.stringify(dropped)}`,
    )
  })
})

it('garbage, floods and other passphrases change nothing', async () => {
  await withSrt(async ({ site, relayPort, epochs, came, stop }) => {
    await until('a stream', () => epochs().some((epoch) => came(epoch) > ENOUGH_BYTES))
    const [epoch = 0] = epochs()
    const stranger = createSocket('udp4')
    const answers = { octets: 0, asked: 0 }
    stranger.on('message', (packet) => {
      answers.octets += packet.length
    })
    const say = (packet: Buffer) => {
      answers.asked += packet.length
      stranger.send(packet, relayPort, HOST)
    }
    const induction = Buffer.from(CAPTURED['induction'] ?? '', 'hex')
    const conclusion = Buffer.from(CAPTURED['conclusion'] ?? '', 'hex')
    const shutdown = Buffer.from(CAPTURED['shutdown'] ?? '', 'hex')
    for (let i = 0; i < 4000; i++) {
      const id = 0x0100_0000 + i
      induction.writeUInt32BE(id, 16 + 24)
      conclusion.writeUInt32BE(id, 16 + 24)
      shutdown.writeUInt32BE(id, 12)
      for (const packet of [induction, conclusion, shutdown]) say(Buffer.from(packet))
      say(Buffer.alloc(i % 1600, i))
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const wrong = startCaller(relayPort, 'not-the-passphrase')
    const before = came(epoch)
    await until('more of the stream', () => came(epoch) > before + ENOUGH_BYTES)
    assert.notEqual(await wrong, 0)
    assert.deepEqual(epochs(), [epoch])
    stranger.close()
    assert.ok(answers.octets <= answers.asked, `${answers.octets} of ${answers.asked}`)
    const { dropped, cut } = await stop()
    assert.equal(site.audit('device.anomalous', DEVICE), 0)
    assert.equal(cut, 0)
    assert.ok((dropped['passphrase'] ?? 0) > 0 && (dropped['rate'] ?? 0) > 0)
    assert.ok((dropped['malformed'] ?? 0) > 0 && (dropped['unknown'] ?? 0) > 0)
    console.log(`answered ${answers.octets} of ${answers.asked} octets; ${JSON.stringify(dropped)}`)
  })
})

it('who sends in place of an encoder, from its address, is noticed and cut, and the device goes on', async () => {
  await withSrt(async ({ site, relayPort, middle, epochs, came, passphrase, stopAgent, stop }) => {
    await until('a stream', () => epochs().some((epoch) => came(epoch) > ENOUGH_BYTES))
    const [first = 0] = epochs()
    const stolen = passphrase(first)
    const thief = await startThief(site)
    let noticedMs = 0
    try {
      await until('packets of his', () => thief.packets.length > 0)
      const begun = Date.now()
      middle.replace = () => thief.packets.shift()
      await until('an anomaly', () => site.audit('device.anomalous', DEVICE) > 0)
      noticedMs = site.auditedAt('device.anomalous', DEVICE) - begun
    } finally {
      middle.replace = undefined
      await thief.close()
    }
    const goesOn = () => epochs().some((epoch) => epoch > first && came(epoch) > ENOUGH_BYTES)
    await until('the stream', goesOn)
    const held = came(first)
    const current = passphrase(epochs().at(-1) ?? 0)
    // Its receiver waits for the next one.
    await stopAgent()
    assert.notEqual(await startCaller(relayPort, stolen), 0)
    assert.equal(await startCaller(relayPort, current), 0)
    const { happened } = await site.show(DEVICE)
    assert.equal(happened.findLast(({ what }) => what === 'changed')?.reason, 'anomaly')
    assert.equal(came(first), held)
    const { dropped, cut } = await stop()
    assert.ok(cut >= 1 && (dropped['passphrase'] ?? 0) > 0)
    console.log(`noticed after ${noticedMs} ms`)
  })
})

async function withSrt(use: (one: SrtSite) => Promise<void>): Promise<void> {
  const site = await startDeviceSite({ graceMs: 2000 })
  const sockets: { close(): void }[] = []
  const parties: Started[] = []
  try {
    const ports = await Promise.all([1, 2, 3, 4].map(() => freeMediaPort()))
    const [relayPort = 0, receiver = 0, other = 0, srtpPort = 0] = ports
    const middle = await startMiddle(relayPort)
    sockets.push(middle)
    const came = join(site.folder, 'came')
    mkdirSync(came)
    const transport = await site.startTransport(
      srtpPort,
      [],
      ...[
        ...['--srt', `${DEVICE}=${HOST}:${relayPort}=${HOST}:${receiver},${HOST}:${other}`],
        ...['--srt-command', srtReceiver(site.folder, came)],
      ],
    )
    parties.push(transport)
    const agent = await site.startSrtAgent(DEVICE, encoderScript(site.folder, middle.port))
    parties.push(agent)
    const filesOf = (epoch: number) =>
      readdirSync(came).filter((name) => name.startsWith(`${epoch}-`))
    const bytesOf = (epoch: number) =>
      filesOf(epoch).reduce((sum, name) => sum + statSync(join(came, name)).size, 0)
    await use({
      ...{ site, relayPort, middle, came: bytesOf },
      epochs() {
        const all = new Set(readdirSync(came).map((name) => Number(name.split('-')[0])))
        return [...all].filter((epoch) => bytesOf(epoch) > 0).sort((a, b) => a - b)
      },
      passphrase: (epoch) =>
        readFileSync(join(site.folder, DEVICE, 'srt', `${DEVICE}-${epoch}.passphrase`), 'utf8'),
      async stopAgent() {
        await agent.stop()
      },
      async stop() {
        const said = await transport.stop()
        if (agent.child.exitCode === null) await agent.stop()
        const line = said.split('\n').findLast((one) => one.startsWith('{')) ?? assert.fail(said)
        assert.equal(said.includes('cannot'), false, said)
        return JSON.parse(line).srt[DEVICE]
      },
    })
  } finally {
    // They end what they started.
    for (const party of parties) if (party.child.exitCode === null) await party.stop()
    for (const socket of sockets) socket.close()
    await site.close()
  }
}

/** A second encoder, which sends to a receiver of its own; its data is kept. */
async function startThief(site: DeviceSite) {
  const [port, receiverPort] = [await freeMediaPort(), await freeMediaPort()]
  const packets: Buffer[] = []
  const input = await bindSocket({ host: HOST, port })
  const output = await bindSocket({ host: HOST, port: 0 })
  let caller = 0
  input.on('message', (packet, from) => {
    caller = from.port
    if ((packet[0] ?? 0) < 128) packets.push(Buffer.from(packet))
    output.send(packet, receiverPort, HOST)
  })
  output.on('message', (packet) => input.send(packet, caller, HOST))
  const url = `srt://${HOST}:${receiverPort}?mode=listener&passphrase=of-the-other-one`
  const receiver = startProcess('ffmpeg', 'ffmpeg', [
    ...[
      '-loglevel',
      'error',
      '-f',
      'data',
      '-i',
      url,
      '-map',
      '0',
      '-c',
      'copy',
      '-f',
      'null',
      '-',
    ],
  ])
  const encoder = startProcess('sh', 'sh', [
    '-c',
    'sleep 1; exec ffmpeg "$@"',
    'sh',
    ...encoderArguments(port, 'of-the-other-one', join(site.folder, 'other.ts')),
  ])
  return {
    packets,
    async close() {
      await encoder.stop('SIGKILL')
      await receiver.stop('SIGKILL')
      input.close()
      output.close()
    },
  }
}

/** Resolves with the exit code of an encoder that calls there. */
async function startCaller(port: number, passphrase: string): Promise<number | null> {
  const url = `srt://${HOST}:${port}?mode=caller&passphrase=${passphrase}`
  const { child } = startProcess('ffmpeg', 'ffmpeg', [
    ...['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
    ...['-t', '3', '-c:v', 'libx264', '-preset', 'ultrafast', '-f', 'mpegts', url],
  ])
  await until('an end', () => child.exitCode !== null)
  return child.exitCode
}

/** The same octets to a file and to a caller of SRT. */
function encoderArguments(port: number, passphrase: string, file: string): string[] {
  // SRT changes its own keys, too, every 200 packets.
  const more = 'pkt_size=1316&kmrefreshrate=200&kmpreannounce=99'
  const url = `srt://${HOST}:${port}?mode=caller&${more}&passphrase=${passphrase}`
  return [
    ...['-y', '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
    // No longer than any test.
    ...[
      '-t',
      '300',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-b:v',
      '1M',
      '-g',
      '25',
      '-map',
      '0:v',
    ],
    ...['-f', 'tee', `[f=mpegts]${file}|[f=mpegts]${url}`],
  ]
}

function encoderScript(folder: string, port: number): string {
  const sent = join(folder, 'sent')
  mkdirSync(sent)
  const words = encoderArguments(port, '$(cat "$3")', `${sent}/$2-$$.ts`)
  return ffmpegScript(join(folder, 'encoder.sh'), words)
}

/** What came of each encoder that sent something. */
function* pairsIn(folder: string): Generator<{ sent: Buffer; received: Buffer }> {
  const sent = readdirSync(join(folder, 'sent'))
  for (const name of readdirSync(join(folder, 'came'))) {
    const received = readFileSync(join(folder, 'came', name))
    if (received.length === 0) continue
    const [epoch] = name.split('-')
    const same = sent.filter((one) => one.startsWith(`${epoch}-`))
    assert.equal(same.length, 1)
    yield { sent: readFileSync(join(folder, 'sent', same[0] ?? '')), received }
  }
}
