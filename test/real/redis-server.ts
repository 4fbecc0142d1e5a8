/**
 * A `redis-server` of the test's own, on a free port of loopback, with a password, nothing on the disk. Debian's package
 * would start another one; this one belongs to the test.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.ts'
import { until } from './fleet-under-test.ts'

export interface RedisServer {
  readonly url: string
  readonly password: string
  readonly passwordFile: string
  /** Stops answering, keeps connections: as a machine that hangs. */
  pause(): void
  resume(): void
  kill(): Promise<void>
  /** On the same port, empty. */
  start(): Promise<void>
  clean(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'limen-redis-'))
  const password = 'a-password-of-the-test'
  const config = join(folder, 'redis.conf')
  const lines = [`port ${port}`, 'bind 127.0.0.1', 'save ""', 'appendonly no', `dir ${folder}`]
  writeFileSync(config, [...lines, `requirepass ${password}`, ''].join('\n'))
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, `${password}\n`)
  let child: ChildProcess
  const redis: RedisServer = {
    ...{ password, passwordFile },
    url: `redis://127.0.0.1:${port}`,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    async start() {
      child = spawn('redis-server', [config], { stdio: ['ignore', 'pipe', 'pipe'] })
      let printed = ''
      child.stdout?.on('data', (text: Buffer) => {
        printed += text.toString()
      })
      child.stderr?.resume()
      await until('redis-server', 10_000, () => printed.includes('Ready to accept connections'))
    },
    async clean() {
      await redis.kill()
      rmSync(folder, { recursive: true })
    },
  }
  await redis.start()
  return redis
}
