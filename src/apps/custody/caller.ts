/**
 * Who is at the other end of a connection between custody nodes and those who use them: `limen://CLUSTER/ROLE/ID`, the only name in
 * its certificate.
 *
 * @module
 */
import { createHash, type X509Certificate } from 'node:crypto'
import { NODE_ID_BYTES } from '../../wire/share-record.ts'

export interface Caller {
  readonly cluster: string
  readonly role: string
  readonly id: string
}

/** Role of the nodes themselves. */
export const NODE_ROLE = 'node'
/** As Node.js writes names of a certificate; what it would have to quote is no name of ours. */
const NAME = /^URI:limen:\/\/([a-z0-9-]{1,63})\/([a-z0-9-]{1,32})\/([a-z0-9][a-z0-9._-]{0,63})$/

/** undefined for any other names. */
export function callerOf({ subjectAltName }: X509Certificate): Caller | undefined {
  const [, cluster, role, id] = NAME.exec(subjectAltName ?? '') ?? []
  return cluster === undefined || role === undefined || id === undefined
    ? undefined
    : { cluster, role, id }
}

/** How manifests name a node: SHA-256("limen/lcu/1 node id" 0x00 | cluster | "/" | id), first 16 octets. */
export function nodeIdOf(cluster: string, id: string): Uint8Array {
  const hash = createHash('sha256').update(`limen/lcu/1 node id\0${cluster}/${id}`).digest()
  return new Uint8Array(hash.subarray(0, NODE_ID_BYTES))
}
