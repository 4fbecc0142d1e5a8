/**
 * An agent in a process of its own, to be killed: its key channel is that to its parent.
 *
 * @module
 */
import { hpkeKeyPair } from '../../src/adapters/node/hpke.ts'
import { DeviceAgent } from '../../src/apps/media/device-agent.ts'
import { KEM } from '../../src/wire/key-config.ts'
import { DEVICE } from '../media-world.ts'

const [port = '', transportPort = '', stateFile = '', seed = '', identity = ''] =
  process.argv.slice(2)
const host = '127.0.0.1'
process.once('disconnect', () => process.exit())
await DeviceAgent.start({
  ...{ device: DEVICE, stateFile, now: () => Date.now() },
  pair: hpkeKeyPair(KEM.x25519, Buffer.from(seed, 'hex')),
  identity: Buffer.from(identity, 'hex'),
  channel: {
    send: (answer) => void process.send?.(Buffer.from(answer).toString('hex')),
    listen: (heard) => process.on('message', (message) => heard(Buffer.from(`${message}`, 'hex'))),
  },
  ...{ listen: { host, port: Number(port) }, transport: { host, port: Number(transportPort) } },
})
