/**
 * Keys of a key service that only custody opens, and of key service, transport and agent that only a PKCS #11 token opens: real nodes,
 * SoftHSM, Mosquitto, processes that are killed and started again.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { readPkcs11Uri } from '../../src/adapters/pkcs11/pkcs11-uri.ts'
import { makeTokenKey } from '../../src/adapters/pkcs11/wrapping-key.ts'
import { CLUSTER, type CustodyCluster, startCustodyCluster } from '../custody-cluster.ts'
import { freePorts } from '../free-ports.ts'
import {
  freeMediaPort,
  HOST,
  programOf,
  type Started,
  startProcess,
  until,
} from './device-keys-site.ts'
import { type SoftHsm, softHsm } from './soft-hsm.ts'

const LIMEN = join(import.meta.dirname, '../../src/apps/cli/main.ts')
const KEY = { name: 'limen/device-keys', version: 1 } as const
const HOLDING = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
/** What is secret begins so, or is a raw key. */
const PEM_SECRET = 'PRIVATE KEY'
const WRONG_PIN = 'not-the-pin-1618033'

let folder: string
let cluster: CustodyCluster
let hsm: SoftHsm
let custody: string
let url: string
const running = new Set<Started>()

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-device-sealing-'))
  hsm = softHsm()
  for (const name of ['camera', 'service', 'transport']) {
    const token = readPkcs11Uri(hsm.uri(name))
    if (token.kind === 'refused') assert.fail(token.says)
    await makeTokenKey({ uri: token.uri, random: systemRandom() })
  }
  cluster = await startCustodyCluster(3)
  custody = await custodyYaml()
})
after(async () => {
  for (const one of running) await one.stop('SIGKILL')
  await cluster?.close()
  hsm?.end()
  rmSync(folder, { recursive: true, force: true })
})

async function custodyYaml(): Promise<string> {
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return name
  }
  const own = await cluster.issue(`limen://${CLUSTER}/server/device-keys`)
  const config = {
    ...{ cluster: CLUSTER, threshold: 2, authority: write('authority.pem', cluster.authority) },
    ...{ certificate: write('own.pem', own.certificate), key: write('own.key', own.key) },
    identity: write('identity.pem', cluster.identity.export({ format: 'pem', type: 'spki' })),
    nodes: cluster.nodes.map(({ id, host, port, card }) => ({
      ...{ id, address: `${host}:${port}`, card: write(`${id}.card`, card) },
    })),
  }
  return join(folder, write('custody.yaml', JSON.stringify(config)))
}

function limen(...args: readonly string[]): Started {
  const one = startProcess('limen', process.execPath, [LIMEN, ...args])
  running.add(one)
  one.child.once('exit', () => running.delete(one))
  return one
}

async function begun(one: Started, says: string): Promise<Started> {
  await until(says, () => {
    assert.equal(one.child.exitCode, null, one.said())
    return one.said().includes(says)
  })
  return one
}

async function ended(one: Started): Promise<string> {
  await until('it to end', () => one.child.exitCode !== null)
  assert.notEqual(one.child.exitCode, 0)
  return one.said()
}

/** Nothing of these in any file there. */
function assertSealed(path: string, ...but: readonly string[]): void {
  const names = readdirSync(path).filter((name) => !but.includes(name))
  for (const name of names)
    assert.equal(/^(?:folder|identity|ca|service|tls)\.key$/.test(name), false)
  for (const name of names.filter((one) => /\.(?:sealed|json|pem)$/.test(one))) {
    assert.equal(readFileSync(join(path, name)).includes(PEM_SECRET), false, name)
  }
}

/** Writes a code to a file. */
async function invite(
  keys: string,
  service: string,
  code: string,
  ...party: readonly string[]
): Promise<void> {
  const invited = limen('devices', 'enrol', ...party, '--url', service, '--folder', keys)
  await until('a code', () => invited.child.exitCode !== null)
  assert.equal(invited.child.exitCode, 0, invited.said())
  writeFileSync(code, invited.said())
}

/** Without its token, with another key of it, with a wrong PIN: not at all, and no PIN is said. */
async function assertOnlyWith(object: string, args: readonly string[]): Promise<void> {
  assert.match(await ended(limen(...args)), /wrapped/)
  const others = await ended(limen(...args, '--key-token', hsm.uri('camera')))
  assert.match(others, /of another token/)
  hsm.writePin(WRONG_PIN)
  const why = await ended(limen(...args, '--key-token', hsm.uri(object)))
  hsm.writePin(hsm.pin)
  assert.match(why, /PIN/)
  assert.match(why, /CKR_PIN_INCORRECT/)
  for (const said of [others, why]) {
    assert.equal(said.includes(WRONG_PIN) || said.includes(hsm.pin), false)
  }
}

it('a key service begins with custody, and not without', async () => {
  const keys = join(folder, 'keys')
  const [port = 0, broker = 0] = await freePorts(2)
  url = `https://${HOST}:${port}`
  const args = [
    ...['device-keys', '--folder', keys, '--listen', `${HOST}:${port}`, '--host', HOST],
    ...['--broker', `mqtts://${HOST}:${broker}`],
  ]
  const why = await ended(limen(...args, '--custody', custody))
  assert.match(why, /custody|key/i, 'there is no such key in custody yet')
  await cluster.driver(await cluster.client(), 0).make({ use: 'derive', ...KEY }, HOLDING)
  const first = await begun(limen(...args, '--custody', custody), 'Keys of devices')
  const identity = readFileSync(join(keys, 'identity.key.sealed'))
  assertSealed(keys)
  await first.stop('SIGKILL')
  assert.match(await ended(limen(...args)), /wrapped/)
  // Two of three nodes are enough, as they are of each share.
  await cluster.nodes[0]?.kill()
  await begun(limen(...args, '--custody', custody), 'Keys of devices')
  assert.deepEqual(readFileSync(join(keys, 'identity.key.sealed')), identity)
})

it('an agent whose keys are in a token enrols, is killed, and begins again only with it', async () => {
  const camera = join(folder, 'camera-1')
  const code = join(folder, 'camera-1.code')
  await invite(join(folder, 'keys'), url, code, 'camera-1')
  const args = [
    ...['agent', '--folder', camera, '--listen', `${HOST}:${await freeMediaPort()}`],
    ...['--transport', `${HOST}:${await freeMediaPort()}`],
  ]
  const token = ['--key-token', hsm.uri('camera')]
  const enrols = ['--service', url, '--code-file', code]
  const first = await begun(limen(...args, ...token, ...enrols), 'RTP at')
  assertSealed(camera)
  assert.deepEqual(
    readdirSync(camera)
      .filter((name) => name.endsWith('.sealed'))
      .toSorted(),
    ['folder.sealed', 'tls.key.sealed', 'x25519.seed.sealed'],
  )
  await first.stop('SIGKILL')
  assert.match(await ended(limen(...args)), /wrapped/)
  hsm.remove()
  const why = await ended(limen(...args, ...token))
  assert.equal(why.includes(hsm.pin), false)
  hsm.putBack()
  const again = await begun(limen(...args, ...token), 'RTP at')
  await again.stop()
})

it('a key service and a transport whose keys are in a token change a key, are killed, and go on only with it', async () => {
  const [keys, media, camera] = [join(folder, 'keys-2'), join(folder, 'media'), join(folder, 'c-2')]
  const [port = 0, broker = 0] = await freePorts(2)
  const service = `https://${HOST}:${port}`
  const keysArgs = [
    ...['device-keys', '--folder', keys, '--listen', `${HOST}:${port}`, '--host', HOST],
    ...['--broker', `mqtts://${HOST}:${broker}`],
  ]
  const ofService = ['--key-token', hsm.uri('service')]
  const first = await begun(limen(...keysArgs, ...ofService), 'Keys of devices')
  assertSealed(keys)
  const conf = join(keys, 'broker', 'mosquitto.conf')
  const mosquitto = startProcess('mosquitto', programOf('mosquitto'), ['-c', conf])
  running.add(mosquitto)
  const [listens, outputs] = [await freeMediaPort(), await freeMediaPort()]
  const code = (party: string) => join(folder, `${party}.code`)
  const mediaArgs = ['media', '--folder', media, '--listen', `${HOST}:${listens}`]
  mediaArgs.push('--output', `camera-2=${HOST}:${outputs}`)
  const ofMedia = ['--key-token', hsm.uri('transport')]
  await invite(keys, service, code('transport-1'), 'transport-1', '--transport')
  const enrols = ['--service', service, '--code-file', code('transport-1')]
  const transport = await begun(limen(...mediaArgs, ...ofMedia, ...enrols), ' at ')
  assertSealed(media)
  await invite(keys, service, code('camera-2'), 'camera-2')
  const agentArgs = ['agent', '--folder', camera, '--listen', `${HOST}:${await freeMediaPort()}`]
  agentArgs.push('--transport', `${HOST}:${listens}`, '--key-token', hsm.uri('camera'))
  const agentEnrols = ['--service', service, '--code-file', code('camera-2')]
  await begun(limen(...agentArgs, ...agentEnrols), 'RTP at')
  const changes = () => {
    const log = readFileSync(join(keys, 'audit.log'), 'utf8')
    return log.split('"action":"device.changed","subject":"camera-2"').length - 1
  }
  await until('a key', () => changes() > 0)
  await transport.stop('SIGKILL')
  await assertOnlyWith('transport', mediaArgs)
  let before = changes()
  await begun(limen(...mediaArgs, ...ofMedia), ' at ')
  await until('another key, after the transport', () => changes() > before)
  const identity = readFileSync(join(keys, 'identity.key.sealed'))
  await first.stop('SIGKILL')
  await assertOnlyWith('service', keysArgs)
  before = changes()
  await begun(limen(...keysArgs, ...ofService), 'Keys of devices')
  await until('another key, after the key service', () => changes() > before)
  assert.deepEqual(readFileSync(join(keys, 'identity.key.sealed')), identity)
})
