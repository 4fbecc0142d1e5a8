/**
 * What session keys cost (LSK/1): validation at an edge with the ticket open already and for the first time, a
 * handshake at the key server, bodies sealed and opened: CPU time of this process, median of rounds. Then a whole edge
 * (`session-plane.ts`).
 *
 * @module
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { hpkeKeyPair } from '../src/adapters/node/hpke.ts'
import { opensslKeyAgreement } from '../src/adapters/node/key-agreement.ts'
import { SealedBodyOpener, SealedBodySealer } from '../src/adapters/node/sealed-body.ts'
import { Steks } from '../src/adapters/node/session-crypto.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { beginHandshake } from '../src/apps/browser/session-handshake.ts'
import { openSession, type SessionOffice } from '../src/flows/open-session.ts'
import { SessionGenerations } from '../src/flows/session-generations.ts'
import { Revocations } from '../src/keys/session/revocations.ts'
import { Validator } from '../src/keys/session/validate-request.ts'
import { KEM } from '../src/wire/key-config.ts'
import { SUITE, type Suite } from '../src/wire/key-message.ts'
import { SALT_BYTES } from '../src/wire/sealed-body.ts'
import { proofBase, writeProofParameters } from '../src/wire/session-proof.ts'
import type { TicketContents } from '../src/wire/session-ticket.ts'
import { benchSessionPlane } from './session-plane.ts'

const ROUNDS = 9
/** What a socket reads at once. */
const PIECE_BYTES = 65_536
const STEK = (1 << 24) | 1
const ORIGIN = 'https://shop.test'
const random = systemRandom()

/** Microseconds of CPU per call, median of rounds over `inputs`, which are used once each. */
function cpuUs<T>(inputs: readonly T[], call: (input: T) => void): number {
  const per = Math.floor(inputs.length / ROUNDS)
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const before = process.cpuUsage()
    for (const input of inputs.slice(round * per, (round + 1) * per)) call(input)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / per
  })
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0
}

const now = Math.floor(Date.now() / 1000)
const steks = new Steks()
steks.add(STEK, random.bytes(32))

function ticketContents(): TicketContents {
  return {
    flags: 0,
    suite: SUITE.x25519,
    epoch: 1,
    generation: 1,
    notBefore: now - 5,
    rotateAfter: now + 600,
    expires: now + 900,
    sessionId: random.bytes(16),
    requestKey: random.bytes(32),
    bodyKey: random.bytes(32),
    policy: 1,
    subject: random.bytes(16),
    backend: 1,
    softBinding: random.bytes(16),
    deviceKey: random.bytes(32),
    tier: 1,
  }
}

function provenRequest(contents: TicketContents, ticket: string, n: number) {
  const request = {
    method: 'GET',
    authority: 'shop.test',
    path: '/cart/items',
    query: '?page=2',
    sessionKey: ticket,
    contentDigest: undefined,
  }
  const parameters = writeProofParameters({
    created: now,
    nonce: `n${String(n).padStart(15, '0')}`,
    keyId: Buffer.from(contents.sessionId).toString('base64url').slice(0, 11),
    coversDigest: false,
  })
  const mac = createHmac('sha256', contents.requestKey).update(proofBase(request, parameters))
  const signature = `lim=:${mac.digest('base64')}:`
  return { request, proof: { input: `lim=${parameters.raw}`, signature, needsDigest: false } }
}

function validationUs(perTicket: number): number {
  const revocations = new Revocations()
  revocations.take({ seq: 1, kind: 'checkpoint' }, now)
  const validator = new Validator(steks, revocations, random)
  const tickets = Array.from({ length: Math.ceil(18_000 / perTicket) }, ticketContents)
  const requests = tickets.flatMap((contents) => {
    const ticket = `:${steks.sealTicket(STEK, contents, random).toString('base64')}:`
    return Array.from({ length: perTicket }, (_, n) => provenRequest(contents, ticket, n))
  })
  return cpuUs(requests, ({ request, proof }) => {
    const { kind } = validator.validate(request, proof, now)
    if (kind !== 'valid') throw new Error('a good request was refused')
  })
}

/** Handshakes of one suite, warmed up; what is returned measures them. */
async function warmHandshakes(suite: Suite): Promise<() => number> {
  const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
  const served = { keyId: 1, pair, notBefore: now - 10, expires: now + 1000 }
  const office: SessionOffice = {
    agreement: opensslKeyAgreement(() => [served]),
    random,
    policy: { suites: new Set(Object.values(SUITE)), ticketS: 900, policyId: 1, flags: 0 },
    seal: (contents) => steks.sealTicket(STEK, contents, random),
    epoch: () => 1,
    encodeUrl: (bytes) => Buffer.from(bytes).toString('base64url'),
    isFollowed: () => false,
    sessions: new SessionGenerations(100_000),
  }
  const key = { ...served, kem: KEM.x25519, suites: [suite], publicKey: pair.publicKey }
  const begun = await Promise.all(
    Array.from({ length: 1350 }, () =>
      beginHandshake({ key, suite, origin: ORIGIN, now: now * 1000 }),
    ),
  )
  const answer = ({ message }: { readonly message: Uint8Array }): void => {
    const asked = { message, origin: ORIGIN, subject: undefined, tier: 1, rotateS: 600 } as const
    const more = { softBinding: undefined, previous: undefined }
    const { kind } = openSession(office, { ...asked, ...more }, now)
    if (kind !== 'opened') throw new Error('a good handshake was refused')
  }
  // A key server runs for months: the first calls, not compiled yet, are no measure of it.
  for (const each of begun.slice(0, 450)) answer(each)
  return () => cpuUs(begun.slice(450), answer)
}

/**
 * What an X25519 handshake cannot do without, by OpenSSL and nothing around it: a key pair of its own, two shared secrets (the message's, the
 * session's), and whether a device signed.
 */
function publicKeyUs(): number {
  const x25519 = generateKeyPairSync('x25519')
  const device = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const data = random.bytes(100)
  const signature = sign('sha256', data, device.privateKey)
  // As OpenSSL reads a private key it works out the public one.
  const seed = x25519.privateKey.export({ format: 'der', type: 'pkcs8' })
  const peer = createPublicKey(x25519.privateKey)
  return cpuUs(Array.from({ length: 900 }), () => {
    const privateKey: KeyObject = createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' })
    diffieHellman({ privateKey, publicKey: peer })
    diffieHellman({ privateKey, publicKey: peer })
    if (!verify('sha256', data, device.publicKey, signature)) throw new Error('not signed')
  })
}

/** Megabytes (10^6) per second of CPU, for a body that comes in pieces as a socket reads them. */
function bodyRates(): { readonly seal: number; readonly open: number } {
  const ikm = createSecretKey(random.bytes(32))
  const keyId = random.bytes(20)
  const pieces = Array.from({ length: 64 }, () => Buffer.from(random.bytes(PIECE_BYTES)))
  const sealAll = (): Buffer[] => {
    const sealer = new SealedBodySealer(ikm, keyId, random.bytes(SALT_BYTES))
    return [...pieces.map((piece) => sealer.push(piece)), sealer.end()]
  }
  const sealed = sealAll()
  const openAll = (): void => {
    const opener = new SealedBodyOpener(ikm, keyId)
    const opened = [...sealed.map((piece) => opener.push(piece)), opener.end()]
    if (opened.some((piece) => typeof piece === 'string'))
      throw new Error('a good body was refused')
  }
  const rate = (call: () => unknown): number =>
    (pieces.length * PIECE_BYTES) / cpuUs(Array.from({ length: 5 * ROUNDS }), call)
  return { seal: rate(sealAll), open: rate(openAll) }
}

export async function benchSession(say: (line: string) => void) {
  const { seal, open } = bodyRates()
  // All before the first is measured: they share most of their code, and compiling it is no part of any.
  const x25519 = await warmHandshakes(SUITE.x25519)
  const p256 = await warmHandshakes(SUITE.p256)
  const hybrid = await warmHandshakes(SUITE.x25519MlKem768)
  const costs = {
    validate_cached_us: validationUs(200),
    validate_opened_us: validationUs(1),
    handshake_x25519_us: x25519(),
    handshake_p256_us: p256(),
    handshake_hybrid_us: hybrid(),
    public_key_us: publicKeyUs(),
    seal_mb_s: seal,
    open_mb_s: open,
  }
  for (const [name, value] of Object.entries(costs)) say(`  ${name.padEnd(22)} ${value.toFixed(1)}`)
  say('\nCPU of the edge per request, each under a session key, and none')
  return { ...costs, ...(await benchSessionPlane(say)) }
}
