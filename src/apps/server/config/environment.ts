/**
 * `LIMEN_*` variables over `limen.yaml`: `__` goes one level down, `_` begins a new word, numbers index lists.
 *
 *     LIMEN_ADMIN__ADDRESS=127.0.0.1:9500   admin.address
 *     LIMEN_LISTENERS__0__PROXY_PROTOCOL=off   listeners[0].proxyProtocol
 *     LIMEN_ADMIN__TOKENS__0__SHA256_FILE=/run/secrets/token   the value is what the file holds
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Complaint, ConfigPath } from './complaint.ts'
import { writePath } from './complaint.ts'
import { didYouMean } from './did-you-mean.ts'
import { knownKeys } from './json-schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Read by the command line, not part of the configuration. */
const RESERVED = new Set(['LIMEN_CONFIG', 'LIMEN_TOKEN', 'LIMEN_TOKEN_FILE', 'LIMEN_URL'])
/** Kubernetes puts these into every pod next to a service called `limen`. */
const KUBERNETES = /^LIMEN_(?:SERVICE_|PORT$|PORT_)/

export interface Override {
  readonly variable: string
  readonly path: ConfigPath
  readonly value: unknown
}

/** The overrides in `environment`, and complaints about variables that mean nothing. */
export function readEnvironment(environment: Environment): {
  readonly overrides: readonly Override[]
  readonly complaints: readonly Complaint[]
} {
  const overrides: Override[] = []
  const complaints: Complaint[] = []
  for (const [variable, text] of Object.entries(environment).sort()) {
    if (text === undefined || !variable.startsWith('LIMEN_')) continue
    if (RESERVED.has(variable) || KUBERNETES.test(variable)) continue
    if (isForSomebodyElse(variable)) continue
    try {
      overrides.push({ variable, ...readVariable(variable, text) })
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      complaints.push({ source: variable, path: '', text: said })
    }
  }
  return { overrides, complaints }
}

/** Writes each override into a plain tree, making what is missing on the way. */
export function applyOverrides(tree: unknown, overrides: readonly Override[]): unknown {
  let root: unknown = tree ?? {}
  for (const { path, value } of overrides) root = withValue(root, path, value)
  return root
}

/** One word that resembles no key of ours is not a typing error but another program's variable. */
function isForSomebodyElse(variable: string): boolean {
  const path = pathOf(variable.slice('LIMEN_'.length).replace(/_FILE$/, ''))
  const [word] = path
  return path.length === 1 && !isKnown(path) && didYouMean(String(word), knownKeys([])) === ''
}

function readVariable(variable: string, text: string): { path: ConfigPath; value: unknown } {
  const path = pathOf(variable.slice('LIMEN_'.length))
  if (isKnown(path)) return { path, value: readValue(text) }
  const withoutFile = pathOf(variable.slice('LIMEN_'.length).replace(/_FILE$/, ''))
  if (variable.endsWith('_FILE') && isKnown(withoutFile)) {
    return { path: withoutFile, value: readFileSync(text, 'utf8').trim() }
  }
  const parent = knownKeys(path.slice(0, -1))
  throw new Error(`no such key: ${writePath(path)}${didYouMean(String(path.at(-1)), parent)}`)
}

function pathOf(words: string): ConfigPath {
  return words
    .split('__')
    .map((part) =>
      /^\d{1,4}$/.test(part)
        ? Number(part)
        : part.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    )
}

function isKnown(path: ConfigPath): boolean {
  const last = path.at(-1)
  if (typeof last === 'number') return path.length > 1 && isKnown(path.slice(0, -1))
  return last !== undefined && knownKeys(path.slice(0, -1)).includes(last)
}

/** Numbers, booleans, and lists or mappings in YAML's flow style; everything else is text as it stands. */
function readValue(text: string): unknown {
  const value = text.trim()
  if (/^(?:true|false|-?(?:0|[1-9]\d{0,14})(?:\.\d+)?)$/.test(value)) return parse(value)
  return /^[[{"']/.test(value) ? parse(value) : text
}

function withValue(node: unknown, path: ConfigPath, value: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined) return value
  if (typeof first === 'number') {
    const list = Array.isArray(node) ? [...node] : []
    list[first] = withValue(list[first], rest, value)
    return list
  }
  const map = isRecord(node) ? node : {}
  return { ...map, [first]: withValue(map[first], rest, value) }
}

function isRecord(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
}
