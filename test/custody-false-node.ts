/**
 * A process between callers and a custody node that has the node's certificate: passes everything on, and changes one octet of what the node
 * computes. `node custody-false-node.ts FOLDER REAL_PORT CALLER_FOLDER`; prints its port.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeLink } from '../src/adapters/custody/node-link.ts'
import { systemClock } from '../src/adapters/node/system-clock.ts'
import { listenForCustody } from '../src/apps/custody/listener.ts'
import { FIELD, readCustodyAnswer } from '../src/wire/custody-message.ts'
import { CLUSTER } from './custody-cluster.ts'

const [folder = '', port = '', callerFolder = ''] = process.argv.slice(2)
const read = (of: string, name: string): string => readFileSync(join(of, name), 'utf8')
const real = nodeLink({
  ...{ host: '127.0.0.1', port: Number(port) },
  name:
    /^id: (.*)$/m.exec(read(folder, 'node.yaml'))?.[1]?.replace(/^/, `limen://${CLUSTER}/node/`) ??
    '',
  certificate: read(callerFolder, 'certificate.pem'),
  key: read(callerFolder, 'key.pem'),
  authority: read(folder, 'authority.pem'),
})
/** What is wrong then: a signature share, a product, a sealed share. */
const FALSE_FIELDS = [FIELD.share, FIELD.sealed]
const listener = await listenForCustody({
  ...{ host: '127.0.0.1', port: 0, cluster: CLUSTER, roles: ['server'], clock: systemClock },
  certificate: read(folder, 'certificate.pem'),
  key: read(folder, 'key.pem'),
  authority: read(folder, 'authority.pem'),
  async handle(_caller, body) {
    const answered = await real.ask(body, 5_000)
    const answer = readCustodyAnswer(answered)
    for (const tag of FALSE_FIELDS) {
      // Views of what is sent on. The lowest bit of a scalar or an element leaves it one, mostly.
      for (const value of answer?.fields.get(tag) ?? []) value[0] = (value[0] ?? 0) ^ 2
    }
    return answered
  },
})
process.stdout.write(`false port ${listener.port}\n`)
