/**
 * How a proof of work is asked for, and what follows a good one: the same for the rigorous pool (`request-gate.ts`) and
 * for sessions whose behavior is suspicious (`behavior-gate.ts`).
 *
 * @module
 */
import type { Answer } from './answer.ts'
import { challengePage } from './challenge-page.ts'
import { type Challenge, PASS_COOKIE, PROOF_PATH } from './proof-of-work.ts'

const PROBLEM = 'application/problem+json'
/** A place on this site; not `//host`, not what would leave the Location field. */
const LOCAL_TARGET = /^\/(?![/\\])[\x21-\x7e]*$/

/** A page for people, a problem for programs. @param why the detail of the problem */
export function askForWork(
  challenge: Challenge,
  about: { readonly accept: string; readonly target: string; readonly decision: string },
  why: string,
): Answer {
  const { accept, target, decision } = about
  if (/\btext\/html\b/i.test(accept)) return challengePage(challenge, localTarget(target), decision)
  const body = {
    type: 'urn:limen:err:proof-of-work-needed',
    title: 'Forbidden',
    status: 403,
    detail: `${why}: find the number for which SHA-256(salt + number) is the challenge, then GET ${PROOF_PATH}?solution= with the base64 of {algorithm, challenge, number, salt, signature} and keep the cookie`,
    challenge,
    decision,
  }
  return {
    status: 403,
    fields: [
      ['Content-Type', PROBLEM],
      ['Cache-Control', 'no-store'],
    ],
    body: JSON.stringify(body),
  }
}

/** Sets the pass and leads on. @param to where the client wanted to go */
export function passWork(pass: string, seconds: number, to: string, name = PASS_COOKIE): Answer {
  const cookie = `${name}=${pass}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Lax`
  return {
    status: 303,
    fields: [
      ['Location', localTarget(to)],
      ['Set-Cookie', cookie],
      ['Cache-Control', 'no-store'],
    ],
    body: '',
  }
}

/** Why a solution was not taken. */
export const WORK_REFUSED = {
  forged: 'the proof of work is not right',
  expired: 'the proof of work came too late',
  spent: 'the proof of work was used before',
} as const

/** Where to go on after the proof: on this site, and not back to the proof. */
function localTarget(target: string): string {
  return LOCAL_TARGET.test(target) && !target.startsWith(PROOF_PATH) ? target : '/'
}

export function cookieIn(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const [key, value] = pair.split('=', 2)
    if (key?.trim() === name) return value?.trim()
  }
  return undefined
}
