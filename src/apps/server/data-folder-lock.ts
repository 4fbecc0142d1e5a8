/**
 * One Limen per data folder: two would break the chain of its audit log. The lock goes with the process, however that ends.
 *
 * @module
 */
import { lockFolder } from '../../adapters/node/folder-lock.ts'
import { LimenError } from '../../ground/limen-error.ts'

/** Resolves with the way to let go. @throws LimenError `folder-in-use`, `cannot-listen` */
export async function lockDataFolder(data: string): Promise<() => void> {
  try {
    return await lockFolder(data)
  } catch (cause) {
    if (!(cause instanceof LimenError && cause.code === 'folder-in-use')) throw cause
    const text = `Another Limen uses the data folder ${data}: end it first, or set data to another`
    throw new LimenError('folder-in-use', text, { side: 'operator', retry: true, cause })
  }
}
