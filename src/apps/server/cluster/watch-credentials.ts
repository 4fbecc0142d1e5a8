/**
 * Notices that the folder of an edge was renewed, by the edge itself or by `limen cluster issue`: then it is taken without a restart.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import { type EdgeCredentials, readCredentials } from './credentials.ts'

export interface WatchCredentialsOptions {
  readonly folder: string
  /** In force; {@link onRenewed} makes others so. */
  readonly current: () => EdgeCredentials
  readonly log: Log
  readonly everyMs?: number
  onRenewed(credentials: EdgeCredentials): void
}

/** By a person, who looks whether it was taken. */
const EVERY_MS = 10_000

/** Returns the way to stop. */
export function watchCredentials(options: WatchCredentialsOptions): () => void {
  const { folder, log, current, everyMs = EVERY_MS, onRenewed } = options
  let lastWhy = ''
  const complain = (why: string): void => {
    if (why !== lastWhy) log.error({ why }, 'The credentials of this edge cannot be renewed')
    lastWhy = why
  }
  const timer = setInterval(() => {
    try {
      const next = readCredentials(folder)
      // What was renewed and could not be written is newer than the folder.
      const isNewer = next.certPem !== current().certPem && next.issuedAt >= current().issuedAt
      if (!isNewer) return
      // Clients' requests carry the token to a pool that is not made anew.
      const isSame = next.id === current().id && next.token === current().token
      if (!isSame) {
        complain('they are of another edge or key server: that takes a restart')
        return
      }
      lastWhy = ''
      log.info({ until: new Date(next.notAfter).toISOString() }, 'The certificate was renewed')
      onRenewed(next)
    } catch (error) {
      // In the middle of being written, or not good: it is looked at again.
      complain(error instanceof Error ? error.message : String(error))
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
