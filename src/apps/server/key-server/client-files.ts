/**
 * What browsers load below `/.well-known/limen/`: the page of a refused navigation runs `start.js`, which registers
 * `worker.js`; `limen.js` is for pages without a bundler. Built into `dist/browser` by `npm run build`, and by `npm start`.
 * `authority` is the identity key, for clients that pin it on first use.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../version.ts'

export interface ClientFile {
  readonly body: Uint8Array
  /** Of the answer, lower case; `content-length` included. */
  readonly fields: Readonly<Record<string, string>>
}

export interface ClientFiles {
  /** By the last part of the path: `/.well-known/limen/start.js` is `start.js`. */
  readonly files: ReadonlyMap<string, ClientFile>
  /** Why the scripts are not there, as a sentence for the log and a 503; undefined when they are. */
  readonly missing: string | undefined
}

const SCRIPTS = ['start.js', 'worker.js', 'limen.js'] as const
/** After an update old scripts talk to a new server for so long; LSK/1 has its version in each message. */
const AGE_S = 300

/** Read once, when the key server opens. @param authorityKey the identity key: 32 bytes, public */
export function readClientFiles(
  authorityKey: Uint8Array,
  folder = join(PACKAGE_FOLDER, 'dist', 'browser'),
): ClientFiles {
  const pin = Buffer.from(Buffer.from(authorityKey).toString('base64'))
  const files = new Map([['authority', file(pin, 'text/plain; charset=utf-8', {})]])
  if (!SCRIPTS.every((name) => existsSync(join(folder, name)))) {
    const missing = `The scripts for browsers are not built: run "npm run build" in ${PACKAGE_FOLDER}`
    return { files, missing }
  }
  for (const name of SCRIPTS) {
    const body = readFileSync(join(folder, name))
    // It lies below /.well-known/limen/ and is to serve all of the site.
    const scope = name === 'worker.js' ? { 'service-worker-allowed': '/' } : {}
    files.set(name, file(body, 'text/javascript; charset=utf-8', scope))
  }
  return { files, missing: undefined }
}

function file(body: Uint8Array, type: string, more: Readonly<Record<string, string>>): ClientFile {
  const fields = {
    'content-type': type,
    'content-length': String(body.length),
    'cache-control': `max-age=${AGE_S}`,
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...more,
  }
  return { body, fields }
}
