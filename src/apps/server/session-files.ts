/**
 * The files that `sessions` of a configuration names: can they be read, and are they what they should be? For `limen check` and for the
 * start; who uses them reads them again.
 *
 * @module
 */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { readCredentials } from './cluster/credentials.ts'
import type { Blame, Complaint, ConfigPath } from './config/complaint.ts'
import type { Config } from './config/schema.ts'

/** Returns why a file is not good, and throws when it cannot be read. */
type Look = (path: string) => string | undefined

export function checkSessionFiles({ sessions }: Config, blame: Blame): readonly Complaint[] {
  const { server, login, redis } = sessions
  const check = (file: string | undefined, path: ConfigPath, look: Look): Complaint[] => {
    if (file === undefined) return []
    const why = lookAt(file, look)
    return why === undefined ? [] : [blame(path, why)]
  }
  return [
    ...check(server?.credentials, ['sessions', 'server', 'credentials'], lookAtCredentials),
    ...check(login?.jwks, ['sessions', 'login', 'jwks'], lookAtJwks),
    ...check(redis?.passwordFile, ['sessions', 'redis', 'passwordFile'], (file) =>
      readFileSync(file, 'utf8').trim() === '' ? 'is empty' : undefined,
    ),
    ...check(redis?.caFile, ['sessions', 'redis', 'caFile'], lookAtCertificate),
  ]
}

function lookAt(file: string, look: Look): string | undefined {
  try {
    return look(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof LimenError) return message.replace(/^[\w.]+: /, '')
    return `cannot be read: ${code ?? message}`
  }
}

const lookAtCredentials: Look = (folder) => {
  const { notAfter } = readCredentials(folder)
  if (notAfter > systemClock.now()) return undefined
  return `the certificate ended at ${new Date(notAfter).toISOString()}: limen cluster issue makes a new one`
}

const lookAtCertificate: Look = (file) => {
  const text = readFileSync(file, 'utf8')
  try {
    new X509Certificate(text)
    return undefined
  } catch {
    return 'holds no certificate'
  }
}

const lookAtJwks: Look = (file) => {
  const text = readFileSync(file, 'utf8')
  let keys: unknown
  try {
    keys = (JSON.parse(text) as { readonly keys?: unknown } | null)?.keys
  } catch {
    return 'is no JSON'
  }
  if (!Array.isArray(keys) || keys.length === 0)
    return 'holds no keys: a JWK Set has { "keys": [...] }'
  const bad = keys.findIndex((key) => !isPublicKey(key))
  return bad < 0 ? undefined : `key ${bad + 1} is no public key that signs`
}

function isPublicKey(key: unknown): boolean {
  try {
    const { d, kty } = key as { readonly d?: unknown; readonly kty?: unknown }
    if (kty === 'oct' || d !== undefined) return false
    createPublicKey({ key: key as never, format: 'jwk' })
    return true
  } catch {
    return false
  }
}
