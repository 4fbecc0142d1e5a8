/**
 * The operations API of custody as a process, in front of a cluster of custody nodes, and clients of Vault for it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import vault from 'node-vault'
import { CLUSTER, type CustodyCluster } from './custody-cluster.ts'
import { freePort } from './free-ports.ts'
import { testCertificate } from './tls-pair.ts'

const MAIN = join(import.meta.dirname, '../src/apps/cli/main.ts')
const READY_MS_MAX = 60_000

export interface ApiAnswer {
  readonly status: number
  readonly body: ApiBody
}

/** What tests look at by name; which of it is there, they find out. */
interface ApiBody {
  readonly request_id: string
  readonly errors: readonly string[]
  readonly data: Readonly<Record<string, unknown>> & ApiItem
}

interface ApiItem {
  readonly ciphertext: string
  readonly plaintext: string
  readonly batch_results: readonly (ApiItem & { readonly reference: string })[]
}

export interface TransitApi {
  readonly port: number
  readonly folder: string
  /** What it printed, also on standard error. */
  printed(): string
  /** Starts it, again too; resolves when it listens. */
  start(): Promise<void>
  kill(signal?: NodeJS.Signals): Promise<void>
  vault(token?: string): vault.client
  /** @param token '' for none @param body an object, or text as it is */
  ask(method: string, path: string, body?: unknown, token?: string): Promise<ApiAnswer>
  /** With a certificate of the cluster, and no token. */
  askAs(name: string, method: string, path: string, body?: unknown): Promise<ApiAnswer>
  auditLog(): string
}

export interface TransitApiOptions {
  readonly id: string
  /** Of its configuration, besides `**` for `token`. */
  readonly access?: string
  /** Tokens by the ids of their callers, of role `app`. */
  readonly tokens: Readonly<Record<string, string>>
  /** Shared with another one. */
  readonly catalogue?: string
  readonly makesKeys?: boolean
}

/** Not started. */
export async function newTransitApi(
  cluster: CustodyCluster,
  options: TransitApiOptions,
): Promise<TransitApi> {
  const { id, tokens } = options
  const port = await freePort()
  const folder = join(cluster.folder, id)
  mkdirSync(folder, { recursive: true })
  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(folder, name), content, { mode: 0o600 })
  const own = await cluster.issue(`limen://${CLUSTER}/api/${id}`)
  const server = await testCertificate('localhost')
  const signing = generateKeyPairSync('ed25519').privateKey
  write('certificate.pem', own.certificate)
  write('key.pem', own.key)
  write('server.pem', server.certPem)
  write('server.key', server.keyPem)
  write('authority.pem', cluster.authority)
  write('identity.pem', cluster.identity.export({ format: 'pem', type: 'spki' }).toString())
  write('identity.key', cluster.identityKey)
  write('signing.pem', signing.export({ format: 'pem', type: 'pkcs8' }).toString())
  for (const node of cluster.nodes) write(`${node.id}.card`, node.card)
  write('api.yaml', apiYaml(cluster, port, options))
  let child: ChildProcess | undefined
  let printed = ''
  const [firstToken = ''] = Object.values(tokens)

  const send = async (
    method: string,
    path: string,
    body: unknown,
    token: string,
    tls: { cert?: string; key?: string } = {},
  ): Promise<ApiAnswer> => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const asked = request({
      ...{ host: '127.0.0.1', port, servername: 'localhost', ca: server.certPem, method, path },
      ...{ agent: false, ...tls },
      headers: {
        ...(token === '' ? {} : { 'x-vault-token': token }),
        ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
      },
    })
    asked.end(text)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    const pieces: Buffer[] = []
    for await (const piece of answer) pieces.push(piece)
    const whole = Buffer.concat(pieces).toString()
    return {
      status: answer.statusCode ?? 0,
      body: whole === '' ? undefined : JSON.parse(whole),
    }
  }
  return {
    ...{ port, folder },
    printed: () => printed,
    async start() {
      child = spawn(process.execPath, [MAIN, 'custody', 'api', '-c', join(folder, 'api.yaml')], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const started = child
      const from = printed.length
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${id}: ${printed}`)), READY_MS_MAX)
        for (const stream of [started.stdout, started.stderr]) {
          stream?.setEncoding('utf8').on('data', (more: string) => {
            printed += more
            if (!printed.slice(from).includes(' port ')) return
            clearTimeout(timer)
            resolve()
          })
        }
        started.once('exit', () => reject(new Error(`${id} has ended: ${printed}`)))
      })
    },
    async kill(signal = 'SIGTERM') {
      const ending = child
      child = undefined
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
      const ended = once(ending, 'exit')
      ending.kill(signal)
      await ended
    },
    vault: (token = firstToken) =>
      vault({
        endpoint: `https://localhost:${port}`,
        token,
        requestOptions: { ca: server.certPem },
      }),
    ask: (method, path, body, token = firstToken) => send(method, path, body, token),
    async askAs(name, method, path, body) {
      const { certificate, key } = await cluster.issue(name)
      return await send(method, path, body, '', { cert: certificate, key })
    },
    auditLog: () => readFileSync(join(folder, 'state/audit/audit.jsonl'), 'utf8'),
  }
}

/** Of a client's error: status and what Vault's clients show. */
export async function refusalOf(asked: Promise<unknown>): Promise<readonly [number, string]> {
  try {
    await asked
  } catch (error) {
    const { message, response } = error as Error & { response: { statusCode: number } }
    return [response.statusCode, message]
  }
  return assert.fail('it was not refused')
}

/** The envelope of Vault's answers. */
export function dataOf({ status, body }: ApiAnswer): Record<string, unknown> {
  assert.equal(status, 200, JSON.stringify(body))
  const { request_id, data, ...rest } = body
  assert.match(request_id, /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  assert.deepEqual(
    { ...rest, warnings: null },
    {
      ...{ lease_id: '', renewable: false, lease_duration: 0, wrap_info: null },
      ...{ warnings: null, auth: null, mount_type: 'transit' },
    },
  )
  return data
}

function apiYaml(
  { nodes }: CustodyCluster,
  port: number,
  { id, tokens, access = '', catalogue, makesKeys = true }: TransitApiOptions,
): string {
  const digest = (token: string): string => createHash('sha256').update(token).digest('hex')
  return `cluster: ${CLUSTER}
id: ${id}
listen: 127.0.0.1:${port}
folder: state
${catalogue === undefined ? '' : `catalogue: ${catalogue}`}
server: { certificate: server.pem, key: server.key }
certificate: certificate.pem
key: key.pem
authority: authority.pem
identity: identity.pem
${makesKeys ? 'identityKey: identity.key' : ''}
signingKey: signing.pem
nodes:
${nodes.map((node) => `  - { id: ${node.id}, address: "${node.host}:${node.port}", card: ${node.id}.card }`).join('\n')}
threshold: 3
tokens:
${Object.entries(tokens)
  .map(
    ([caller, token]) => `  - { sha256: ${digest(token)}, caller: { role: app, id: ${caller} } }`,
  )
  .join('\n')}
access:
${access}  - { caller: { role: app, id: "all" }, key: "**", operations: ["*"] }
`
}
