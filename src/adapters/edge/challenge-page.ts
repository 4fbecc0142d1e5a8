/**
 * The page that does the proof of work (`proof-of-work.ts`) and goes on to where its reader wanted to go. Nothing is
 * loaded from anywhere; what it may run and how it looks is pinned by hash (CSP level 3).
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Answer } from './answer.ts'
import { type Challenge, PROOF_PATH } from './proof-of-work.ts'

const STYLE = `
:root { color-scheme: light dark; font: 1.125rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 15vh auto; padding: 0 1.25rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
progress { width: 100% }
small { opacity: .75 }
`

/**
 * SHA-256 (FIPS 180-4) by hand: WebCrypto answers by promise, some twenty times slower for one block. The texts are
 * shorter than 56 octets. In rounds of 20 ms, so that the page stays usable and says how far it is.
 */
const SCRIPT = `
'use strict'
const K = [], H = []
for (let n = 2; K.length < 64; n++) {
  let prime = true
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
  if (!prime) continue
  if (H.length < 8) H.push((Math.sqrt(n) % 1 * 4294967296) | 0)
  K.push((Math.cbrt(n) % 1 * 4294967296) | 0)
}
const W = new Int32Array(64), S = new Int32Array(8)
function hash(text) {
  W.fill(0, 0, 16)
  const length = text.length
  for (let i = 0; i < length; i++) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3))
  W[length >> 2] |= 128 << (24 - 8 * (length & 3))
  W[15] = length * 8
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15], y = W[i - 2]
    W[i] = W[i - 16] + W[i - 7] +
      ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) +
      ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10)
  }
  let [a, b, c, d, e, f, g, h] = H
  for (let i = 0; i < 64; i++) {
    const t = h + K[i] + W[i] + (e & f ^ ~e & g) +
      ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) | 0
    const u = (a & b ^ a & c ^ b & c) +
      ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) | 0
    h = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0
  }
  S[0] = a + H[0]; S[1] = b + H[1]; S[2] = c + H[2]; S[3] = d + H[3]
  S[4] = e + H[4]; S[5] = f + H[5]; S[6] = g + H[6]; S[7] = h + H[7]
}
const main = document.querySelector('main')
const task = JSON.parse(main.dataset.task)
const status = document.querySelector('[role=status]')
const bar = document.querySelector('progress')
const wanted = Int32Array.from({ length: 8 }, (_, i) => parseInt(task.challenge.slice(8 * i, 8 * i + 8), 16))
function done(number) {
  status.textContent = main.dataset.done
  const { algorithm, challenge, salt, signature } = task
  const solution = btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }))
  location.replace(main.dataset.path + '?solution=' + encodeURIComponent(solution) + '&to=' + encodeURIComponent(main.dataset.to))
}
let number = 0
function work() {
  const until = performance.now() + 20
  do {
    for (let i = 0; i < 256; i++, number++) {
      if (number > task.maxnumber) {
        status.textContent = main.dataset.failed
        return
      }
      hash(task.salt + number)
      let j = 0
      while (j < 8 && S[j] === wanted[j]) j++
      if (j === 8) return done(number)
    }
  } while (performance.now() < until)
  bar.value = number / task.maxnumber
  setTimeout(work)
}
work()
`

const sourceOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const POLICY = `default-src 'none'; script-src ${sourceOf(SCRIPT)}; style-src ${sourceOf(STYLE)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** Longer ones would not fit into a request for the proof: their readers land at the front page. */
const TO_CHARS_MAX = 1024

/** @param to where to go on, a path and query of this site */
export function challengePage(challenge: Challenge, to: string, decision: string): Answer {
  const onwards = to.length > TO_CHARS_MAX ? '/' : to
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>One moment, please</title>
<style>${STYLE}</style>
</head>
<body>
<main data-task="${escaped(JSON.stringify(challenge))}" data-path="${PROOF_PATH}" data-to="${escaped(onwards)}" data-done="Done. Taking you to the page." data-failed="This did not work. Please load the page again.">
<h1>One moment, please</h1>
<p>This connection looks unusual to the site. Your browser is doing a small calculation to show that it is not one of many automatic visitors. There is nothing you have to do, and nothing about you is sent anywhere. What you sent in a form has not arrived: please send it again afterwards.</p>
<p role="status" aria-live="polite">Working on it: this takes a few seconds.</p>
<progress max="1" value="0" aria-label="Progress of the calculation"></progress>
<noscript><p>The calculation needs JavaScript, which is off here. Please turn it on for this site and load the page again, or ask the people who run the site and give them the reference below.</p></noscript>
<p><small>Reference: ${escaped(decision)}</small></p>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`
  return {
    status: 403,
    fields: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      ['Content-Security-Policy', POLICY],
      ['X-Content-Type-Options', 'nosniff'],
      ['Referrer-Policy', 'no-referrer'],
    ],
    body,
  }
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
