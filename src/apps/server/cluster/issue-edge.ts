/**
 * `limen cluster issue`: credentials of an edge, made of the key server's files.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import { systemClock } from '../../../adapters/node/system-clock.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Environment } from '../config/environment.ts'
import { readConfig } from '../config/read-config.ts'
import { openIdentityKeys } from '../key-server/identity-keys.ts'
import { edgeTokenOf } from '../key-server/key-server.ts'
import { sealedFile } from '../key-server/sealed-file.ts'
import { SUITES } from '../key-server/suites.ts'
import { configFile, configRefused } from '../load-config.ts'
import { openBeside } from '../open-custody.ts'
import { STATE_FILES } from '../state-files.ts'
import { checkEdgeName, readCredentials, writeCredentials } from './credentials.ts'
import { openEdgeAuthority } from './open-cluster.ts'

export interface IssueEdgeOptions {
  /** `limen.yaml` of the key server. */
  readonly file: string
  readonly edge: string
  readonly folder: string
  readonly environment: Environment
}

/** @throws LimenError when the configuration is of no key server, or the folder is of something else */
export async function issueEdge(options: IssueEdgeOptions): Promise<void> {
  const outcome = readConfig(configFile(options.file).read(), options.environment)
  if (outcome.kind === 'refused') throw configRefused(outcome.complaints)
  const { config } = outcome
  if (config.sessions.cluster === undefined) {
    const text = `${options.file} is of no key server with edges: it has no sessions.cluster`
    throw new LimenError('config-refused', text, { side: 'operator', retry: false })
  }
  const folder = resolve(options.folder)
  if (existsSync(folder) && readCredentials(folder).id !== options.edge) {
    const text = `${options.folder} is of another edge`
    throw new LimenError('usage', text, { side: 'operator', retry: false })
  }
  checkEdgeName(options.edge)
  const random = systemRandom()
  const custody = await openBeside(config, random)
  try {
    const key = custody.recordKey
    const identity = openIdentityKeys({
      file: sealedFile(
        config.data,
        STATE_FILES.sessionIdentity,
        aesRecordSeal(key, 'session-keys', random),
      ),
      random,
      suites: config.sessions.suites.map((name) => SUITES[name]),
    })
    // A key server that has not run yet gets its identity here.
    identity.roll(Math.floor(systemClock.now() / 1000))
    const known = { identity: identity.publicKey, token: edgeTokenOf(key) }
    const authority = await openEdgeAuthority({ config, custody, clock: systemClock, random })
    writeCredentials(folder, await authority.issue(options.edge), known)
  } finally {
    await custody.close()
  }
}
