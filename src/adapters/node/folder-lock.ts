/**
 * One process at a time in a folder: holds a Unix socket there. A process that is killed lets go of it, whatever it leaves behind.
 *
 * @module
 */
import { once } from 'node:events'
import { closeSync, lstatSync, openSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join, relative } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import { makePrivateFolder } from './private-file.ts'

const LOCK_FILE = 'lock.sock'

/** unix(7): of the path of a socket, with room for its name. */
const SOCKET_PATH_BYTES_MAX = 107 - '/lock.sock'.length

/** Resolves with the way to let go. @throws LimenError `folder-in-use`, `cannot-listen` */
export async function lockFolder(folder: string): Promise<() => void> {
  makePrivateFolder(folder)
  const isLong = Buffer.byteLength(nearest(join(folder, '.'))) > SOCKET_PATH_BYTES_MAX
  const open = isLong && process.platform === 'linux' ? openSync(folder, 'r') : undefined
  const letGo = (): void => {
    if (open !== undefined) closeSync(open)
  }
  try {
    const unlock = await lockAt(open === undefined ? folder : `/proc/self/fd/${open}`, folder)
    return () => {
      unlock()
      letGo()
    }
  } catch (cause) {
    letGo()
    throw cause
  }
}

async function lockAt(at: string, folder: string): Promise<() => void> {
  const path = nearest(join(at, LOCK_FILE))
  const held = await hold(path)
  if (held !== undefined) return held
  const found = whichAt(path)
  const isLeft = !(await isAnswered(path))
  // Of those who find one that a killed process has left, one removes it; not the new one of who was faster.
  if (isLeft && whichAt(path) === found) rmSync(path, { force: true })
  const again = isLeft ? await hold(path) : undefined
  if (again !== undefined) return again
  const text = `Another Limen uses ${folder}`
  throw new LimenError('folder-in-use', text, { side: 'operator', retry: true })
}

/** Which socket it is: an inode alone is soon another one's. */
function whichAt(path: string): string {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.ino} ${found.ctimeNs}`
}

/** Of 107 octets at most (unix(7)): the shorter one of both ways to say it. */
export function nearest(path: string): string {
  const near = relative(process.cwd(), path)
  return near.length < path.length ? near : path
}

/** undefined when the socket is there. */
async function hold(path: string): Promise<(() => void) | undefined> {
  const server = createServer((socket) => socket.destroy())
  server.unref().listen(path)
  try {
    await once(server, 'listening')
    return () => void server.close()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return undefined
    const text = `Cannot listen on ${path}: ${code}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: false, cause })
  }
}

/** Whether somebody listens on that socket. */
export async function isAnswered(path: string): Promise<boolean> {
  const socket = createConnection(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
