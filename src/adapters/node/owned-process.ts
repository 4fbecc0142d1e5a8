/**
 * A process of ours, in a process group of its own: started without a shell, ended by SIGTERM and then SIGKILL with all it
 * started, and not left behind. When this process exits, however it does so, they are killed. When it is killed itself nobody is there
 * to do that: they bear a mark in their environment, and {@link endLeftovers} at the next start ends who bears it (Linux: it
 * reads `/proc`; elsewhere nothing is found).
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Whose it is, and by which process it was started: `OWNER#PID`. Not LIMEN_...: it might be a Limen itself. */
const MARK = 'UPSTREAM_OF_LIMEN'
/** Of what it wrote to standard error, for who asks why it died. */
const TAIL_CHARS = 2000

export interface OwnedOptions {
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Names us over restarts: a folder only we use. */
  readonly owner: string
}

export interface OwnedProcess {
  /** undefined when it could not be started. */
  readonly pid: number | undefined
  /** How it ended. Never rejects. */
  readonly ended: Promise<string>
  /** The end of what it wrote to standard error. */
  said(): string
  /** Resolves when it and its group are gone: SIGTERM, and SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

const living = new Set<number>()
let isWatching = false

export function startOwned({ command, cwd, env, owner }: OwnedOptions): OwnedProcess {
  watchExit()
  const [program = '', ...args] = command
  const marked = { ...env, [MARK]: `${owner}#${process.pid}` }
  const child = spawn(program, args, {
    ...{ cwd, env: marked, detached: true, shell: false },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const { pid } = child
  if (pid !== undefined) living.add(pid)
  let tail = ''
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    tail = (tail + more).slice(-TAIL_CHARS)
  })
  const ended = endOf(child).then((how) => {
    if (pid !== undefined) {
      signalGroup(pid, 'SIGKILL')
      living.delete(pid)
    }
    return how
  })
  return {
    pid,
    ended,
    said: () => tail,
    async stop(graceMs) {
      if (pid === undefined) return
      signalGroup(pid, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
      await ended
      clearTimeout(timer)
    },
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve(`cannot be started: ${error.code ?? error.message}`)
    })
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with ${code}` : `ended by ${signal}`)
    })
  })
}

function watchExit(): void {
  if (isWatching) return
  isWatching = true
  process.once('exit', () => {
    for (const pid of living) signalGroup(pid, 'SIGKILL')
  })
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Gone already.
  }
}

/**
 * Kills what an `owner` that was killed has left behind. Those of one that lives are let be.
 *
 * @returns their process ids
 */
export function endLeftovers(owner: string): readonly number[] {
  const left = pidsHere().filter((pid) => {
    const starter = starterOf(pid, owner)
    // A process of our own id was another: we have started none yet.
    return starter !== undefined && (starter === process.pid || !lives(starter))
  })
  for (const pid of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone meanwhile.
    }
  }
  return left
}

function pidsHere(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

function starterOf(pid: number, owner: string): number | undefined {
  const begin = `${MARK}=${owner}#`
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    const found = variables.find((one) => one.startsWith(begin))
    return found === undefined ? undefined : Number(found.slice(begin.length))
  } catch {
    // Not ours to read, or gone.
    return undefined
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
