/**
 * One Limen per data folder: two would break the chain of its audit log. The lock goes with the process, however that ends.
 *
 * @module
 */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { lockFolder, nearest } from '../../adapters/node/folder-lock.ts'
import { makePrivateFolder } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'

/** unix(7): of the path of a socket, with room for its name. */
const SOCKET_PATH_BYTES_MAX = 107 - '/lock.sock'.length

/** Resolves with the way to let go. @throws LimenError `folder-in-use`, `cannot-listen` */
export async function lockDataFolder(data: string): Promise<() => void> {
  makePrivateFolder(data)
  const isLong = Buffer.byteLength(nearest(join(data, '.'))) > SOCKET_PATH_BYTES_MAX
  const open = isLong && process.platform === 'linux' ? openSync(data, 'r') : undefined
  try {
    const unlock = await lockFolder(open === undefined ? data : `/proc/self/fd/${open}`)
    return () => {
      unlock()
      if (open !== undefined) closeSync(open)
    }
  } catch (cause) {
    if (open !== undefined) closeSync(open)
    if (!(cause instanceof LimenError && cause.code === 'folder-in-use')) throw cause
    const text = `Another Limen uses the data folder ${data}: end it first, or set data to another`
    throw new LimenError('folder-in-use', text, { side: 'operator', retry: true, cause })
  }
}
