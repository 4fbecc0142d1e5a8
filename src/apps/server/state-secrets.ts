/**
 * The small secrets of `data`: keys of tickets, of affinity cookies, of the ids of profiles and people, and of certificates. With custody they
 * are sealed under the record key, which custody opens (`record-key.ts`); without it they are files as they are. Which files these are is said
 * here alone.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { aesRecordSeal } from '../../adapters/node/record-seal.ts'
import { type SecretFiles, sealedFiles } from '../../adapters/node/secret-files.ts'
import type { Random } from '../../ground/random.ts'
import { STATE_FILES } from './state-files.ts'

const OWN = [
  STATE_FILES.ticketKeys,
  STATE_FILES.affinityKey,
  STATE_FILES.profileKey,
  STATE_FILES.personKey,
] as const
/** In each folder of an authority (`local-ca.ts`). */
const OF_AUTHORITY = ['ca.key', 'leaf.key'] as const

/**
 * Sealed. What lies there as it is, of a Limen of before, is taken over: sealed, compared, destroyed.
 *
 * @throws LimenError `secret-file-bad`
 */
export function sealedSecrets(data: string, recordKey: KeyObject, random: Random): SecretFiles {
  const files = sealedFiles(data, aesRecordSeal(recordKey, 'secret-files', random))
  const authorities = readdirSync(data).filter(isAuthority)
  const ofAuthorities = authorities.flatMap((folder) =>
    OF_AUTHORITY.map((name) => join(folder, name)),
  )
  for (const name of [...OWN, ...ofAuthorities]) files.takeOver(join(data, name))
  return files
}

/** The local CA has a folder more for each further entry of `certificates` (`material.ts`). */
function isAuthority(name: string): boolean {
  const { localCa, clusterCa } = STATE_FILES
  return name === clusterCa || name === localCa || /^local-ca-\d+$/.test(name)
}
