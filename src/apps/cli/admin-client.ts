/**
 * Calls the admin API of a running Limen: its address and token from options, environment or `limen.yaml`.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import { readAddress, writeAddress } from '../server/config/address.ts'
import { CONFIG_DEFAULTS } from '../server/config/defaults.ts'
import type { Environment } from '../server/config/environment.ts'
import { readConfig } from '../server/config/read-config.ts'
import { configFile, configRefused } from '../server/load-config.ts'
import { STATE_FILES } from '../server/state-files.ts'

export interface AdminClient {
  get<T>(path: string): Promise<T>
  send<T>(method: 'PATCH' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T>
}

export interface AdminClientOptions {
  readonly config?: string | undefined
  /** e.g. `http://127.0.0.1:9440`. */
  readonly url?: string | undefined
  readonly environment: Environment
}

const TIMEOUT_MS = 10_000

/** The configuration to look at when none is named: `LIMEN_CONFIG`, else `limen.yaml` here if it is there. */
export function usualConfig(environment: Environment): string | undefined {
  const { LIMEN_CONFIG: named } = environment
  return named ?? (existsSync('limen.yaml') ? 'limen.yaml' : undefined)
}

export function adminClient(options: AdminClientOptions): AdminClient {
  const { environment } = options
  const { LIMEN_URL: named } = environment
  const found = placeOf(options)
  const url = options.url ?? named ?? found.url
  const token = tokenOf(environment, found.data)

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const response = await reach(url, path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T
    throw refusal(response.status, text, join(found.data, STATE_FILES.adminToken))
  }
  return { get: (path) => call('GET', path), send: call }
}

async function reach(url: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(new URL(path, url), init)
  } catch (error) {
    const { cause = error } = error as { cause?: unknown }
    const { code, message } = cause as { code?: string; message?: string }
    const text = `No admin API at ${url} (${code ?? message}). Is limen up running?`
    throw new LimenError('admin-unreachable', text, { side: 'operator', retry: true, cause: error })
  }
}

function refusal(status: number, body: string, tokenFile: string): LimenError {
  let problem: { type?: string; detail?: string } = {}
  try {
    problem = JSON.parse(body) as typeof problem
  } catch {
    // Not Limen's admin API, or something in front of it.
  }
  const code = problem.type?.replace('urn:limen:err:', '') ?? 'admin-error'
  const hint = code === 'unauthenticated' ? ` (LIMEN_TOKEN, LIMEN_TOKEN_FILE or ${tokenFile})` : ''
  const text = `${problem.detail ?? `The server answered ${status}`}${hint}`
  return new LimenError(code, text, { side: 'operator', retry: false })
}

function placeOf({ config, environment }: AdminClientOptions): { url: string; data: string } {
  const file = config ?? usualConfig(environment)
  if (file === undefined) {
    return { url: `http://${CONFIG_DEFAULTS.admin.address}`, data: resolve(CONFIG_DEFAULTS.data) }
  }
  const outcome = readConfig(configFile(file).read(), environment)
  if (outcome.kind === 'refused') throw configRefused(outcome.complaints)
  const { admin, data } = outcome.config
  const { host, port } = readAddress(admin.address) ?? { host: '127.0.0.1', port: 0 }
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const scheme = admin.certificate === undefined ? 'http' : 'https'
  return { url: `${scheme}://${writeAddress({ host: reachable, port })}`, data }
}

function tokenOf(environment: Environment, data: string): string | undefined {
  const { LIMEN_TOKEN: token, LIMEN_TOKEN_FILE: file } = environment
  if (token !== undefined) return token
  try {
    return readFileSync(file ?? join(data, STATE_FILES.adminToken), 'utf8').trim()
  } catch (error) {
    // Without one the API still answers callers it is open to.
    if (file === undefined) return undefined
    const text = `Cannot read LIMEN_TOKEN_FILE ${file}`
    throw new LimenError('token-unreadable', text, { side: 'operator', retry: false, cause: error })
  }
}
