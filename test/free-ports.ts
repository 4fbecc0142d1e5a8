/**
 * Ports for tests that run beside one another. A process claims a block of them for as long as it lives, by a file that
 * says who it is, and gives out its ports in turn: no port twice within a block's length, and none to two processes.
 * A port drawn by chance would be, once in a few hundred runs.
 *
 * @module
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Above what programs listen on by habit, below the ephemeral ports of Linux (32768). */
const PORT_MIN = 20_000
const BLOCK_PORTS = 100
const BLOCKS = 90
const CLAIMS = join(tmpdir(), 'limen-test-ports')

let ports: number[] = []

/** Ports that nobody listens on now, and that no other test is given. They follow one another unless one is taken. */
export async function freePorts(count: number): Promise<number[]> {
  const free: number[] = []
  while (free.length < count) {
    if (ports.length === 0) ports = claimBlock()
    const port = ports.shift() ?? 0
    if (await isFree(port)) free.push(port)
  }
  return free
}

/** The first of `count` free ports without a gap. */
export async function freePortRow(count: number): Promise<number> {
  for (;;) {
    const row = await freePorts(count)
    const [first = 0] = row
    if (row.at(-1) === first + count - 1) return first
  }
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    )
  })
}

function claimBlock(): number[] {
  mkdirSync(CLAIMS, { recursive: true })
  for (let step = 0; step < BLOCKS; step++) {
    const block = (process.pid + step) % BLOCKS
    const file = join(CLAIMS, String(block))
    if (!claim(file)) continue
    process.once('exit', () => rmSync(file, { force: true }))
    return Array.from({ length: BLOCK_PORTS }, (_, index) => PORT_MIN + block * BLOCK_PORTS + index)
  }
  throw new Error(`All blocks of ports are claimed: see ${CLAIMS}`)
}

function claim(file: string): boolean {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return true
    } catch {
      if (isHeld(file)) return false
      rmSync(file, { force: true })
    }
  }
  return false
}

/** False for what a killed process left. */
function isHeld(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    // Nothing in it yet: it is being written.
    if (pid === 0) return true
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
