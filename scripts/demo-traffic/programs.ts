/**
 * Programs of this machine as clients: curl and openssl s_client, each connection a process of its own.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { type Client, pathOf, repeat, type Target } from './tally.ts'

const CURL_EVERY_MS = 400
const OPENSSL_EVERY_MS = 1500
const PROGRAM_MS_MAX = 5000

export function curl(version: '--http1.1' | '--http2'): Client {
  return (target, signal, tally) =>
    repeat(signal, CURL_EVERY_MS, tally, async (round) => {
      const url = `https://localhost:${target.port}${pathOf(round)}`
      const form = round % 12 === 11 ? ['-d', 'name=curl&message=hello'] : []
      const output = await run(
        'curl',
        ['-sk', version, '--resolve', `localhost:${target.port}:${target.host}`]
          .concat(['-o', '/dev/null', '-w', '%{http_code}', ...form])
          .concat([form.length > 0 ? `https://localhost:${target.port}/form` : url]),
        '',
        signal,
      )
      return output.trim() || 'no answer'
    })
}

/** Different TLS settings: each is a fingerprint of its own. */
const OPENSSL_FLAGS = [[], ['-tls1_2'], ['-tls1_3', '-groups', 'P-256'], ['-alpn', 'http/1.1']]

export const openssl: Client = (target, signal, tally) =>
  repeat(signal, OPENSSL_EVERY_MS, tally, async (round) => {
    const flags = OPENSSL_FLAGS[round % OPENSSL_FLAGS.length] ?? []
    const output = await run('openssl', sClientArguments(target, flags), REQUEST, signal)
    return /HTTP\/1\.1 (\d\d\d)/.exec(output)?.[1] ?? 'no answer'
  })

const REQUEST = 'GET /api/time HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

function sClientArguments(target: Target, flags: readonly string[]): string[] {
  const connect = ['-connect', `${target.host}:${target.port}`, '-servername', 'localhost']
  return ['s_client', '-quiet', '-ign_eof', ...connect, ...flags]
}

/** Standard output of a program, whatever its exit code; rejects when it cannot start. */
async function run(
  program: string,
  parameters: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: PROGRAM_MS_MAX,
      signal,
    })
    let output = ''
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', () => resolve(output))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
