import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import mqtt, { type IClientOptions } from 'mqtt'
import { SrtpSender } from '../../src/adapters/media/srtp-sender.ts'
import { hpkeKeyPair } from '../../src/adapters/node/hpke.ts'
import { askKeyService } from '../../src/adapters/node/key-service-client.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import { readEnrolled } from '../../src/apps/media/enrolment.ts'
import { openSealedFolder } from '../../src/apps/media/sealed-folder.ts'
import { KEM } from '../../src/wire/key-config.ts'
import {
  type DeviceSite,
  freeMediaPort,
  HOST,
  type Started,
  startDeviceSite,
  until,
} from './device-keys-site.ts'

const DEVICE = 'camera-1'
const OTHER = 'camera-2'
const PACKET_MS = 10
/** MQTT 5, section 2.4: not authorized. */
const NOT_AUTHORIZED = 135

function rtp(sequence: number, text: string): Buffer {
  const packet = Buffer.alloc(200)
  packet.writeUInt16BE(0x8060)
  packet.writeUInt16BE(sequence & 0xffff, 2)
  packet.writeUInt32BE(sequence, 4)
  packet.writeUInt32BE(7, 8)
  packet.write(text, 12)
  return packet
}

/** Of what a process may write: a full disk for it alone, without rights (setrlimit(2)). */
function limitFiles({ child }: Started, soft: string): void {
  const set = spawnSync('prlimit', [`--pid=${child.pid}`, `--fsize=${soft}:unlimited`])
  assert.equal(set.status, 0, String(set.stderr))
}

describe('keys of devices, when something goes wrong', () => {
  let site: DeviceSite
  let sink: Socket
  let transport: Started
  let agent: Started
  let agentPort = 0
  let transportPort = 0
  let outputs: readonly string[] = []
  let sequence = 1000
  let timer: NodeJS.Timeout | undefined
  const encoder = createSocket('udp4')
  /** When the last one came, and how many, by what they say. */
  const came = new Map<string, { at: number; count: number }>()
  const countOf = (text: string) => came.get(text)?.count ?? 0
  const changes = () => site.audit('device.changed', DEVICE)
  const flows = async (what: string) => {
    const before = countOf('genuine')
    await until(what, () => countOf('genuine') > before + 20)
  }
  const startAgent = () => site.startAgent(DEVICE, agentPort, transportPort)
  /** A second in which the encoder goes on and nothing comes. */
  const silence = async () => {
    let [sent, before] = [sequence, -1]
    await until('silence', () => {
      if (sequence < sent + 100) return false
      const isSilent = countOf('genuine') === before
      ;[sent, before] = [sequence, countOf('genuine')]
      return isSilent
    })
  }
  const settled = () => until('a rest', async () => (await site.show(DEVICE)).step === 'idle')

  before(async () => {
    site = await startDeviceSite()
    const outputPort = await freeMediaPort()
    sink = await bindSocket({ host: HOST, port: outputPort })
    sink.on('message', (packet) => {
      const text = packet.toString('latin1', 12, packet.indexOf(0, 12))
      came.set(text, { at: Date.now(), count: countOf(text) + 1 })
    })
    transportPort = await freeMediaPort()
    outputs = [DEVICE, OTHER].map((one) => `${one}=${HOST}:${outputPort}`)
    transport = await site.startTransport(transportPort, outputs)
    agentPort = await freeMediaPort()
    agent = await startAgent()
    timer = setInterval(() => encoder.send(rtp(sequence++, 'genuine'), agentPort, HOST), PACKET_MS)
    await flows('a stream')
    await settled()
  })
  after(async () => {
    clearInterval(timer)
    encoder.close()
    sink?.close()
    await site?.close()
  })

  it('who has stolen a key and takes a stream over is locked out by the next one, and the device goes on', async () => {
    const stolen = site.drawn.at(-1) ?? assert.fail()
    const { epoch } = await site.show(DEVICE)
    const thief = new SrtpSender()
    thief.install(epoch ?? 0, stolen)
    thief.activate(epoch ?? 0)
    // Ahead of the device, within the window: what the device sends next is old then.
    let at = sequence + 5000
    const stealing = setInterval(() => {
      const sealed = thief.protect(rtp(at++, 'stolen'))
      if (typeof sealed !== 'string') encoder.send(sealed, transportPort, HOST)
    }, PACKET_MS)
    try {
      await until('a takeover', () => countOf('stolen') > 20)
      const before = changes()
      await site.devices('rekey', DEVICE, '--anomaly')
      await until('a new key', () => changes() > before)
      await settled()
      const { count } = came.get('stolen') ?? assert.fail()
      const sent = at
      await flows('the stream')
      await until('more attempts', () => at > sent + 100)
      assert.equal(countOf('stolen'), count)
      const lastMs = (came.get('stolen')?.at ?? 0) - site.auditedAt('device.rekey', DEVICE)
      console.log(`locked out ${lastMs.toFixed(0)} ms after another key was wanted`)
    } finally {
      clearInterval(stealing)
    }
  })

  it('nobody hears what is for another device, nor speaks under its name', async () => {
    const second = await site.startAgent(OTHER, await freeMediaPort(), transportPort)
    await until('its key', () => site.drawn.length > 2)
    await second.stop()
    const folder = join(site.folder, OTHER)
    const sealed = await openSealedFolder(folder, { kind: 'file' }, systemRandom())
    const { tls } = readEnrolled(folder, sealed) ?? assert.fail()
    const heard: string[] = []
    const client = await mqtt.connectAsync(site.brokerUrl, {
      ...{ ca: tls.ca, cert: tls.certificate, key: tls.key, protocolVersion: 5 },
      ...{ clientId: DEVICE, username: DEVICE, reconnectPeriod: 0 },
    })
    try {
      client.on('message', (topic) => void heard.push(topic))
      await client.subscribeAsync(['#', `limen/v1/d/${DEVICE}/key`], { qos: 1 }).catch(() => {})
      const before = changes()
      await site.devices('rekey', DEVICE)
      await until('a new key', () => changes() > before)
      await settled()
      for (const subject of ['hello', 'ack', 'state', 'key']) {
        await assert.rejects(
          client.publishAsync(`limen/v1/d/${DEVICE}/${subject}`, 'x', { qos: 1 }),
          { code: NOT_AUTHORIZED },
          subject,
        )
      }
      await client.publishAsync(`limen/v1/d/${OTHER}/ack`, 'x', { qos: 1 })
      await until('a forgery', async () =>
        (await site.show(OTHER)).happened.some(({ what }) => what === 'forged'),
      )
      assert.deepEqual(
        heard.filter((topic) => !topic.startsWith(`limen/v1/d/${OTHER}/`)),
        [],
      )
      const seen = (await site.show(DEVICE)).happened.map(({ what }) => what)
      assert.equal(seen.includes('forged'), false)
    } finally {
      await client.endAsync(true)
    }
    const strange: IClientOptions = { ca: tls.ca, protocolVersion: 5, reconnectPeriod: 0 }
    await assert.rejects(mqtt.connectAsync(site.brokerUrl, strange, false))
    await flows('the stream')
  })

  it('a broker that is away stops no stream, and what was wanted is done when it is back', async () => {
    const before = changes()
    await site.broker.stop('SIGKILL')
    await flows('the stream without a broker')
    await site.devices('rekey', DEVICE)
    await until('a failure', () => site.audit('device.failed', DEVICE) > 0)
    await flows('the stream')
    assert.equal(changes(), before)
    site.broker = await site.startBroker()
    await until('a new key', () => changes() > before)
    await flows('the stream')
  })

  it('a broker that begins anew within a rotation', async () => {
    await settled()
    const before = changes()
    const asked = site.devices('rekey', DEVICE)
    await until('a rotation', async () => (await site.show(DEVICE)).step !== 'idle')
    await site.broker.stop('SIGKILL')
    site.broker = await site.startBroker()
    await asked
    await until('a new key', () => changes() > before)
    await flows('the stream')
  })

  it('an agent that is killed within a rotation sends again, under another key', async () => {
    await settled()
    const { epoch } = await site.show(DEVICE)
    const asked = site.devices('rekey', DEVICE)
    await until('a rotation', async () => (await site.show(DEVICE)).step !== 'idle')
    await agent.stop('SIGKILL')
    await asked
    agent = await startAgent()
    await flows('the stream')
    await until('another epoch', async () => ((await site.show(DEVICE)).epoch ?? 0) > (epoch ?? 0))
  })

  it('an agent whose disk is full keeps its key, and follows when there is room again', async () => {
    await settled()
    const [before, failures] = [changes(), site.audit('device.failed', DEVICE)]
    limitFiles(agent, '0')
    await site.devices('rekey', DEVICE)
    await until('a failure', () => site.audit('device.failed', DEVICE) > failures)
    await flows('the stream')
    assert.equal(changes(), before)
    const { happened } = await site.show(DEVICE)
    assert.ok(happened.some(({ what }) => what === 'refused: store'))
    limitFiles(agent, 'unlimited')
    await until('a new key', () => changes() > before)
    await flows('the stream')
  })

  it('a key service that begins anew goes on, and has what was before it forgotten', async () => {
    await settled()
    const { epoch: old } = await site.show(DEVICE)
    const stolen = site.drawn.at(-1) ?? assert.fail()
    const before = changes()
    await site.keys.close()
    await flows('the stream')
    site.keys = await site.startKeys()
    await until('a new key', () => changes() > before)
    await settled()
    const thief = new SrtpSender()
    thief.install(old ?? 0, stolen)
    thief.activate(old ?? 0)
    const taken = () => countOf('of before')
    // Dropped in another turn of the transport.
    await flows('the stream')
    const held = taken()
    for (let i = 0; i < 50; i++) {
      const sealed = thief.protect(rtp(sequence + 300 + i, 'of before'))
      if (typeof sealed !== 'string') encoder.send(sealed, transportPort, HOST)
    }
    await flows('the stream')
    assert.equal(taken(), held)
  })

  it('a broker that is away for long stops a transport that is set to it', async () => {
    await settled()
    await transport.stop()
    const before = changes()
    transport = await site.startTransport(transportPort, outputs, '--stop-after-s', '1')
    await until('a new key', () => changes() > before)
    await flows('the stream')
    await settled()
    await site.broker.stop('SIGKILL')
    await silence()
    site.broker = await site.startBroker()
    await flows('the stream, with the broker')
  })

  it('a device that does not follow when somebody else may have its key gets nothing through', async () => {
    await settled()
    agent.child.kill('SIGSTOP')
    await site.devices('rekey', DEVICE, '--anomaly')
    await until('quarantine', async () => (await site.show(DEVICE)).state === 'quarantined')
    agent.child.kill('SIGCONT')
    await silence()
    // Nor after a restart of the service, which it then asks anew.
    await site.keys.close()
    site.keys = await site.startKeys()
    await agent.stop()
    agent = await startAgent()
    await silence()
    assert.equal((await site.show(DEVICE)).state, 'quarantined')
    await site.devices('rekey', DEVICE)
    await flows('the stream, when its operator wants it')
  })

  it('a device enrolled with a key that nothing can be sealed to is refused, and its code stays good', async () => {
    const [, , secret] = (await site.devices('enrol', 'camera-9')).trim().split(':')
    const ca = readFileSync(join(site.folder, 'keys', 'ca.pem'), 'utf8')
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const enrol = (x25519: Buffer) =>
      askKeyService({ url: site.keysUrl, ca, token: '' }, 'POST', '/v1/enrol', {
        ...{ party: 'camera-9', secret, publicKey: x25519.toString('base64url') },
        tlsKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64url'),
      })
    // The points of order 1, 2 and 8 of RFC 7748's curve.
    for (const point of [
      ...['00'.repeat(32), `01${'00'.repeat(31)}`],
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    ]) {
      await assert.rejects(enrol(Buffer.from(point, 'hex')), /no X25519 key to seal to/)
    }
    await enrol(hpkeKeyPair(KEM.x25519, randomBytes(32)).publicKey)
    assert.match(await site.devices('list'), /camera-9 +device +enrolled/)
    await site.devices('revoke', 'camera-9')
    await flows('the stream of another')
  })

  it('a device that is revoked is cut at once, and does not come back', async () => {
    await settled()
    await flows('the stream')
    await site.devices('revoke', DEVICE)
    await silence()
    const lastMs = (came.get('genuine')?.at ?? 0) - site.auditedAt('device.revoked', DEVICE)
    console.log(`last packet ${lastMs.toFixed(0)} ms after it was written down`)
    const before = countOf('genuine')
    await agent.stop()
    agent = await startAgent()
    const again = sequence
    await until('more attempts', () => sequence > again + 300)
    assert.equal(countOf('genuine'), before)
    const list = await site.devices('list')
    assert.match(list, /camera-1 +device +revoked/)
    const said = readFileSync(join(site.folder, 'keys', 'broker', 'acl'), 'utf8')
    assert.equal(said.includes(DEVICE), false)
    assert.ok(said.includes(OTHER))
    const { dropped } = JSON.parse((await transport.stop()).split('\n').at(-2) ?? '')
    assert.equal(dropped.malformed, 0)
  })
})
