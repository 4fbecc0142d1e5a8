/**
 * The edge of `flood.ts` in a process of its own, as one worker: clients that ask for `flood.test` are sent to the
 * rigorous pool. Arguments: that pool, or `primary` for none; new connections per second that it takes of a
 * profile. Says its port by IPC.
 *
 * @module
 */
import { startEdgeOrigin } from '../test/real/edge-origin.ts'
import { ADMISSION, startEdge } from '../test/real/edge-under-test.ts'

const [pool = 'rigorous', perProfilePerSecond = '5'] = process.argv.slice(2)

const origin = await startEdgeOrigin()
const { tlsPort } = await startEdge({
  upstreamPorts: [origin.port],
  isForgetful: true,
  admission: {
    rigorous: {
      ...ADMISSION.rigorous,
      connectionsMax: 200,
      perProfilePerSecond: Number(perProfilePerSecond),
    },
  },
  enforce: ({ handshake }) =>
    handshake?.sni === 'flood.test' && pool === 'rigorous'
      ? { pool: 'rigorous', member: 'here', profile: 'f100df100df100d0' }
      : {},
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: tlsPort })
