/**
 * One process at a time in a folder: holds a Unix socket there. A process that is killed lets go of it, whatever it leaves behind.
 *
 * @module
 */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join, relative } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import { makePrivateFolder } from './private-file.ts'

const LOCK_FILE = 'lock.sock'

/** Resolves with the way to let go. @throws LimenError `folder-in-use`, `cannot-listen` */
export async function lockFolder(folder: string): Promise<() => void> {
  makePrivateFolder(folder)
  const path = nearest(join(folder, LOCK_FILE))
  const held = await hold(path)
  if (held !== undefined) return held
  if (await isAnswered(path)) {
    const text = `Another Limen uses ${folder}`
    throw new LimenError('folder-in-use', text, { side: 'operator', retry: true })
  }
  rmSync(path, { force: true })
  const again = await hold(path)
  if (again !== undefined) return again
  const text = `Another Limen has just begun to use ${folder}`
  throw new LimenError('folder-in-use', text, { side: 'operator', retry: true })
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

async function isAnswered(path: string): Promise<boolean> {
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
