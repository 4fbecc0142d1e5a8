/**
 * `limen custody issue ROLE/ID TO`: a certificate of the cluster's authority and its key, for a node, a caller or an operations API; to renew one
 * or to add a caller.
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openClusterAuthority } from '../../adapters/node/cluster-authority.ts'
import { writePrivateFile } from '../../adapters/node/private-file.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { NODE_ROLE } from '../custody/caller.ts'
import { readClusterConfig } from '../custody/cluster-config.ts'
import { bytesOf, credentialError, secretOf } from '../custody/read-file.ts'
import { usage } from './custody-words.ts'

export interface CustodyIssueOptions {
  readonly config: string
  /** Else beside the configuration. */
  readonly authorityKey?: string
}

const NAME = /^([a-z0-9-]{1,32})\/([a-z0-9][a-z0-9._-]{0,63})$/

/** @param to without `.pem` and `.key` @throws LimenError `usage`, `credentials-bad`, those of the configuration */
export async function issueCertificate(
  given: string,
  to: string,
  { config: path, authorityKey = join(dirname(path), 'authority.key') }: CustodyIssueOptions,
  out: (text: string) => void,
): Promise<void> {
  const [, role, id] = NAME.exec(given) ?? []
  if (role === undefined) throw usage(`Name a party as ROLE/ID, e.g. ${NODE_ROLE}/n1: not ${given}`)
  const { cluster, authority, nodes } = readClusterConfig(path)
  if (role === NODE_ROLE && !nodes.some((node) => node.id === id)) {
    throw usage(`There is no node ${id} in ${path}`)
  }
  const files = { certificate: `${to}.pem`, key: `${to}.key` }
  for (const file of [files.certificate, files.key]) {
    if (existsSync(file)) throw usage(`${file} is there already`)
  }
  const credentials = {
    certificate: bytesOf(authority).toString(),
    key: secretOf(authorityKey).toString(),
  }
  const opened = await openClusterAuthority(credentials, systemClock, systemRandom()).catch(
    (cause: unknown) => {
      throw credentialError(`${authorityKey} is not the key of ${authority}`, cause)
    },
  )
  const name = `limen://${cluster}/${role}/${id}`
  const issued = await opened.issue(name)
  writePrivateFile(files.key, issued.key)
  writePrivateFile(files.certificate, issued.certificate)
  const until = new X509Certificate(issued.certificate).validToDate.toISOString().slice(0, 10)
  out(`${files.certificate}, ${files.key}: ${name}, good until ${until}`)
}
