/**
 * Which endpoint a request is for: paths of Vault's transit engine, mounted at `transit`. What an operation is called here is what access
 * rules name.
 *
 * @module
 */
import { hashEndpoint, randomEndpoint } from './chance-endpoints.ts'
import type { Endpoint } from './endpoint.ts'
import {
  configEndpoint,
  createEndpoint,
  deleteEndpoint,
  listEndpoint,
  readEndpoint,
  rotateEndpoint,
  trimEndpoint,
} from './key-endpoints.ts'
import {
  dataKeyEndpoint,
  decryptEndpoint,
  encryptEndpoint,
  hmacEndpoint,
  rewrapEndpoint,
  signEndpoint,
  verifyEndpoint,
} from './use-endpoints.ts'

/** Vault's words for what a method asks: GET, LIST (or GET with `list`), POST and PUT alike, DELETE. */
type Verb = 'read' | 'list' | 'update' | 'delete'

interface Route {
  /** `:field` takes one segment, `:field?` perhaps. */
  readonly path: string
  readonly verbs: Readonly<Partial<Record<Verb, Action>>>
}

export interface Action {
  readonly operation: string
  readonly endpoint: Endpoint
}

export type FoundRoute =
  /** `fields`: segments of the path by their names. */
  | {
      readonly kind: 'found'
      readonly action: Action
      readonly fields: Readonly<Record<string, string>>
    }
  | { readonly kind: 'no-path' }
  | { readonly kind: 'no-verb' }

const update = (operation: string, endpoint: Endpoint): Route['verbs'] => ({
  update: { operation, endpoint },
})

const ROUTES: readonly Route[] = [
  { path: 'keys', verbs: { list: { operation: 'list', endpoint: listEndpoint } } },
  {
    path: 'keys/:name',
    verbs: {
      update: { operation: 'create', endpoint: createEndpoint },
      read: { operation: 'read', endpoint: readEndpoint },
      delete: { operation: 'delete', endpoint: deleteEndpoint },
    },
  },
  { path: 'keys/:name/config', verbs: update('config', configEndpoint) },
  { path: 'keys/:name/rotate', verbs: update('rotate', rotateEndpoint) },
  { path: 'keys/:name/trim', verbs: update('trim', trimEndpoint) },
  { path: 'encrypt/:name', verbs: update('encrypt', encryptEndpoint) },
  { path: 'decrypt/:name', verbs: update('decrypt', decryptEndpoint) },
  { path: 'rewrap/:name', verbs: update('rewrap', rewrapEndpoint) },
  { path: 'sign/:name/:hash_algorithm?', verbs: update('sign', signEndpoint) },
  { path: 'verify/:name/:hash_algorithm?', verbs: update('verify', verifyEndpoint) },
  { path: 'hmac/:name/:algorithm?', verbs: update('hmac', hmacEndpoint) },
  { path: 'datakey/plaintext/:name', verbs: update('datakey', dataKeyEndpoint(true)) },
  { path: 'datakey/wrapped/:name', verbs: update('wrapped-datakey', dataKeyEndpoint(false)) },
  { path: 'random', verbs: update('random', randomEndpoint) },
  { path: 'random/platform/:bytes?', verbs: update('random', randomEndpoint) },
  { path: 'random/:bytes', verbs: update('random', randomEndpoint) },
  { path: 'hash/:algorithm?', verbs: update('hash', hashEndpoint) },
]

/** Words of access rules. */
export const API_OPERATIONS: ReadonlySet<string> = new Set(
  ROUTES.flatMap(({ verbs }) => Object.values(verbs).map(({ operation }) => operation)),
)

const COMPILED = ROUTES.map(({ path, verbs }) => ({ segments: path.split('/'), verbs }))
const MOUNT = '/v1/transit/'

/** @param path of the target, without what is behind `?` */
export function findRoute(method: string, path: string, wantsList: boolean): FoundRoute {
  if (!path.startsWith(MOUNT)) return { kind: 'no-path' }
  // Vault takes a slash at the end of what is listed.
  const segments = path.slice(MOUNT.length).replace(/\/$/, '').split('/')
  const verb = verbOf(method, wantsList)
  let isPath = false
  for (const { segments: wanted, verbs } of COMPILED) {
    const fields = fieldsOf(wanted, segments)
    if (fields === undefined) continue
    isPath = true
    const action = verb && verbs[verb]
    if (action !== undefined) return { kind: 'found', action, fields }
  }
  return isPath ? { kind: 'no-verb' } : { kind: 'no-path' }
}

function verbOf(method: string, wantsList: boolean): Verb | undefined {
  if (method === 'GET') return wantsList ? 'list' : 'read'
  if (method === 'LIST') return 'list'
  if (method === 'POST' || method === 'PUT') return 'update'
  return method === 'DELETE' ? 'delete' : undefined
}

function fieldsOf(
  wanted: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const fields: Record<string, string> = {}
  if (segments.length > wanted.length) return undefined
  for (const [i, part] of wanted.entries()) {
    const segment = segments[i]
    if (segment === undefined || segment === '') {
      if (part.endsWith('?') && segment === undefined) continue
      return undefined
    }
    if (part.startsWith(':')) fields[part.slice(1).replace(/\?$/, '')] = segment
    else if (part !== segment) return undefined
  }
  return fields
}
