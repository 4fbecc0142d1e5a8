/**
 * The collector that pages load, `/.well-known/limen/behavior.js`. Built into `dist/browser` by `npm run build`, and by
 * `npm start`.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BEHAVIOR_SCRIPT_PATH } from '../../../wire/behavior-batch.ts'
import { PACKAGE_FOLDER } from '../version.ts'
import type { DeskAnswer, DeskRequest } from './desk.ts'

/** As that of the other scripts: after an update old ones talk to a new server for so long. */
const AGE_S = 300
const SCRIPTS = join(PACKAGE_FOLDER, 'dist', 'browser')
const FILE = 'behavior.js'
const PROBLEM = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }

/** As the folder of scripts is now. */
export function isBehaviorScriptBuilt(folder = SCRIPTS): boolean {
  return existsSync(join(folder, FILE))
}

/** Read once it is there. Answers requests for the script only: 503 when it is not built. */
export function behaviorScript(folder = SCRIPTS): (request: DeskRequest) => DeskAnswer | undefined {
  const file = join(folder, FILE)
  let script: string | undefined
  return ({ method, path }) => {
    if (path !== BEHAVIOR_SCRIPT_PATH) return undefined
    if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'method', { allow: 'GET, HEAD' })
    if (script === undefined && existsSync(file)) script = readFileSync(file, 'utf8')
    if (script === undefined) return refusal(503, 'not_built')
    const fields = {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': `max-age=${AGE_S}`,
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    }
    return { status: 200, fields, body: script }
  }
}

function refusal(
  status: number,
  code: string,
  more: Readonly<Record<string, string>> = {},
): DeskAnswer {
  const body = JSON.stringify({ type: `urn:limen:err:${code}`, title: code, status })
  return { status, fields: { ...PROBLEM, ...more }, body }
}
