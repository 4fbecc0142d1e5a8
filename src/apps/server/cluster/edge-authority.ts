/**
 * Who signs certificates of edges and of their key server. With custody it is an authority whose key is there (FROST): certificates are
 * good for `sessions.cluster.certificateS`, and edges renew theirs over their connection (`renew-certificate.ts`). Without it is a CA in
 * `data/cluster-ca`, whose certificates an operator renews. A CA of before custody goes on beside it, until its folder is removed.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { issuedCertificate, localCertificate } from '../../../adapters/node/local-ca.ts'
import { hostCertificate } from '../../../adapters/node/name-certificate.ts'
import { readPrivateFile } from '../../../adapters/node/private-file.ts'
import type { SecretFiles } from '../../../adapters/node/secret-files.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import type { CustodyAuthority } from '../../custody/custody-authority.ts'
import { STATE_FILES } from '../state-files.ts'
import { type ClusterCertificate, edgeName, KEY_SERVER_NAMES } from './credentials.ts'

export interface EdgeAuthority {
  /** What the key server shows; renewed when it is time. Asked for each {@link lookMs}. */
  keyServer(): Promise<KeyServerCertificates>
  readonly lookMs: number
  /** With a key that is made here: for `limen cluster issue`. */
  issue(edge: string): Promise<ClusterCertificate>
  /** For the key of an edge that is connected, 32 octets; undefined: an operator renews. @throws LimenErrors of custody */
  readonly certify: ((edge: string, publicKey: Uint8Array) => Promise<Certified>) | undefined
}

export type Certified = Pick<ClusterCertificate, 'certPem' | 'caPem'>

export interface KeyServerCertificates extends ClusterCertificate {
  /** For edges that know the CA of before alone, by the name that they expect. */
  readonly before?: { readonly name: string; readonly certificate: ClusterCertificate }
}

interface Files {
  /** The key server's `data`. */
  readonly data: string
  readonly secrets: SecretFiles
  readonly clock: Clock
  readonly random: Random
}

const DAY_MS = 86_400_000
/** An operator renews it once a year, by the same command. */
const EDGE_DAYS = 397
/** As parts of its life: looked at so often, and renewed when so much of it is gone. */
const LOOKS = 60
const RENEW_AFTER = 1 / 3

export function fileAuthority(files: Files): EdgeAuthority {
  return {
    lookMs: DAY_MS,
    certify: undefined,
    keyServer: () => byFiles(files),
    issue: (edge) => issuedCertificate({ ...caOf(files), names: [edgeName(edge)] }, EDGE_DAYS),
  }
}

/** @param lifeMs of a certificate */
export function authorityInCustody(
  files: Files,
  authority: CustodyAuthority,
  lifeMs: number,
): EdgeAuthority {
  let shown: { readonly certificate: ClusterCertificate; readonly at: number } | undefined
  const certify = async (host: string, publicKey: Uint8Array): Promise<Certified> => ({
    certPem: await hostCertificate(authority, host, publicKey, lifeMs),
    // The one that has signed comes first.
    caPem: authority.certificate + (caOfBefore(files) ?? ''),
  })
  const issue = async (host: string): Promise<ClusterCertificate> => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    const raw = new Uint8Array(publicKey.export({ format: 'raw-public' }))
    return { ...(await certify(host, raw)), keyPem }
  }
  return {
    lookMs: lifeMs / LOOKS,
    issue: (edge) => issue(edgeName(edge)),
    certify: (edge, publicKey) => certify(edgeName(edge), publicKey),
    async keyServer() {
      const now = files.clock.now()
      if (shown === undefined || now - shown.at > lifeMs * RENEW_AFTER) {
        shown = { certificate: await issue(KEY_SERVER_NAMES.custody), at: now }
      }
      if (caOfBefore(files) === undefined) return shown.certificate
      const { certPem, keyPem } = await byFiles(files)
      const certificate = { certPem, keyPem, caPem: shown.certificate.caPem }
      return { ...shown.certificate, before: { name: KEY_SERVER_NAMES.files, certificate } }
    },
  }
}

async function byFiles(files: Files): Promise<ClusterCertificate> {
  const { certPem, keyPem } = await localCertificate({
    ...{ ...caOf(files), names: [KEY_SERVER_NAMES.files] },
  })
  return { certPem, keyPem, caPem: caOfBefore(files) ?? '' }
}

function caOfBefore({ data }: Files): string | undefined {
  return readPrivateFile(join(data, STATE_FILES.clusterCa, 'ca.pem'))?.toString()
}

function caOf({ data, secrets, clock, random }: Files) {
  return { folder: join(data, STATE_FILES.clusterCa), files: secrets, clock, random }
}
