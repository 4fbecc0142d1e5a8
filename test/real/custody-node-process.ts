/**
 * Custody nodes as processes of their own.
 *
 * @module
 */
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'

/** Of a machine that is busy with others. */
const STEP_MS = 120_000

/** Until it says where it listens; rejects when it ends, with what it said. */
export async function untilItListens(
  child: ChildProcessWithoutNullStreams,
  id: string,
): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${id}: ${said}`)), STEP_MS)
    const hear = (more: string): void => {
      said += more
      if (!said.includes(' port ')) return
      clearTimeout(late)
      resolve()
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.once('exit', () => reject(new Error(`${id} has ended: ${said}`)))
  })
}

/** Resolves when it is gone. */
export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
