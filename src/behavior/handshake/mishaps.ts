/**
 * Hellos that came in no ordinary form (`form.ts`), against how often that happens here. One is an accident, capped like
 * all that is only rare; a client of which every hello is like that is judged by the chance that honest clients meet
 * with so many accidents in a row: the posterior predictive chance of a beta-binomial whose prior is below and whose data
 * are all connections here. Plain JSON data.
 *
 * @module
 */
import { fadedSince } from '../../math/fading.ts'
import type { Reason } from '../decision.ts'
import type { HelloForm } from './form.ts'
import { type HandshakeErrorCode, helloErrorReason } from './hello-errors.ts'

export interface MishapCounts {
  at: number
  /** Fading connections that nothing spoke against. */
  connections: number
  /** Fading mishaps by form, those of flagged clients left out. */
  byForm: Record<string, number>
}

/** A day: the same as profiles. */
const HALF_LIFE_MS = 86_400_000
/** There are some 35 codes: an unknown one out of storage must not grow this. */
const FORMS_MAX = 64

export function newMishapCounts(now: number): MishapCounts {
  return { at: now, connections: 0, byForm: {} }
}

/**
 * The prior is half a mishap (Jeffreys' half) in that many connections. Networks and impatient people end
 * connections early, and people type http:// for a TLS port: each more often than software breaks TLS. The numbers are a
 * choice for the first minutes: what is counted here outweighs them after as many connections. Checked by the evaluation
 * (`eval/handshake.ts`): no honest hello flagged, malformed ones by their fourth.
 */
function priorConnections(form: HelloForm): number {
  if (form === 'closed' || form === 'timeout') return 5
  return form === 'not_tls' ? 25 : 50
}
const PRIOR_MISHAPS = 0.5

export function countConnection(
  counts: MishapCounts,
  form: HelloForm,
  now: number,
  times = 1,
): void {
  if (now >= counts.at + 60_000) {
    const left = fadedSince(counts.at, now, HALF_LIFE_MS)
    counts.connections *= left
    for (const [name, count] of Object.entries(counts.byForm)) counts.byForm[name] = count * left
    counts.at = now
  }
  counts.connections += times
  if (form === '') return
  if (counts.byForm[form] === undefined && Object.keys(counts.byForm).length >= FORMS_MAX) return
  counts.byForm[form] = (counts.byForm[form] ?? 0) + times
}

/**
 * The evidence against a client with `times` hellos of that form, which are among those counted when `counted`.
 * A single one weighs `rarityMax` at most.
 */
export function mishapReasons(
  counts: MishapCounts,
  form: HelloForm,
  times: number,
  counted: number,
  rarityMax: number,
): Reason[] {
  if (form === '' || times < 1) return []
  const others = Math.max(0, (counts.byForm[form] ?? 0) - counted)
  const connections = Math.max(others, counts.connections - counted) + priorConnections(form)
  let weight = 0
  for (let i = 0; i < Math.min(Math.floor(times), RUN_MAX); i++) {
    weight -= Math.log10((PRIOR_MISHAPS + others + i) / (connections + i + 1))
  }
  if (times < 2) weight = Math.min(weight, rarityMax)
  if (weight < 0.1) return []
  const { code, text } = formReason(form)
  const said = times < 2 ? text : `${text}: ${Math.floor(times)} times in a row`
  return [{ code, text: said, weight, detector: 'form' }]
}

/** More in a row prove no more. */
const RUN_MAX = 32

function formReason(form: HelloForm): { code: string; text: string } {
  if (form === 'small-records') {
    return { code: 'hello-small-records', text: 'It cut its ClientHello into many small records' }
  }
  if (form === 'dripped') {
    return { code: 'hello-dripped', text: 'It sent its ClientHello in many small pieces' }
  }
  return helloErrorReason(form as HandshakeErrorCode)
}
