/**
 * What custody of keys costs (LCU/1), beside npm's `shamir-secret-sharing` and @noble/curves in the same run: CPU time of this
 * process, median of rounds. Peers take turns, so that a busy machine is busy for all.
 *
 * @module
 */
import { ed25519_FROST as noble } from '@noble/curves/ed25519.js'
import { combine, split } from 'shamir-secret-sharing'
import { sodiumGroups } from '../src/adapters/node/sodium-groups.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { dealScalar, groupKeyOf, type KeyShare } from '../src/crypto/feldman.ts'
import { aggregateSignature, SigningNonces } from '../src/crypto/frost.ts'
import { drawScalar } from '../src/crypto/prime-group.ts'
import { generateShares, reconstructSecret } from '../src/crypto/shamir.ts'
import { combineProducts, multiplyPartially } from '../src/crypto/threshold-dh.ts'
import { elementToDerive, OPEN_CONTEXT } from '../src/keys/custody/threshold-keys.ts'
import { benchCustodyNodes } from './custody-nodes.ts'
import { benchPkcs11 } from './custody-pkcs11.ts'
import { benchPlacement } from './custody-placement.ts'

const ROUNDS = 9
/** 3 of 5, as in `docs/wire/custody.md`. */
const SHARING = { shares: 5, threshold: 3 } as const
const POINTS = [1, 2, 3, 4, 5]
const SIGNERS = [1, 3, 5]
const SECRET_BYTES = 32
const BLOCK_BYTES = 65_536
const MESSAGE_BYTES = 200
const random = systemRandom()
const { ed25519, ristretto255 } = await sodiumGroups()

type Call = () => unknown

/** Microseconds of CPU per call for each, median of rounds in turn. */
async function cpuUs(calls: readonly (readonly [Call, count: number])[]): Promise<number[]> {
  const rounds: number[][] = calls.map(() => [])
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, [call, count]] of calls.entries()) {
      const before = process.cpuUsage()
      for (let n = 0; n < count; n++) {
        const made = call()
        if (made instanceof Promise) await made
      }
      const { user, system } = process.cpuUsage(before)
      // The first round, not compiled yet, is no measure.
      if (round > 0) rounds[i]?.push((user + system) / count)
    }
  }
  return rounds.map((times) => times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0)
}

async function sharing() {
  const secret = random.bytes(SECRET_BYTES)
  const block = random.bytes(BLOCK_BYTES)
  const shares = generateShares(secret, SHARING, random).slice(0, SHARING.threshold)
  const blocks = generateShares(block, SHARING, random).slice(0, SHARING.threshold)
  const [
    split1 = 0,
    splitPeer = 0,
    combine1 = 0,
    combinePeer = 0,
    splitBlock = 0,
    combineBlock = 0,
  ] = await cpuUs([
    [() => generateShares(secret, SHARING, random), 4000],
    [() => split(secret, SHARING.shares, SHARING.threshold), 500],
    [() => reconstructSecret(shares), 40_000],
    [() => combine(shares), 6000],
    [() => generateShares(block, SHARING, random), 20],
    [() => reconstructSecret(blocks), 60],
  ])
  return {
    split_per_s: 1e6 / split1,
    combine_per_s: 1e6 / combine1,
    split_ratio: splitPeer / split1,
    combine_ratio: combinePeer / combine1,
    split_64k_mb_s: BLOCK_BYTES / splitBlock,
    combine_64k_mb_s: BLOCK_BYTES / combineBlock,
  }
}

async function signing() {
  const message = random.bytes(MESSAGE_BYTES)
  const { threshold } = SHARING
  const dealing = dealScalar(ed25519, drawScalar(ed25519, random), POINTS, threshold, random)
  const key = groupKeyOf(ed25519, dealing.commitments, POINTS)
  const holders: KeyShare[] = SIGNERS.map((point) => ({
    point,
    share: dealing.shares[point - 1] as Uint8Array,
  }))
  const [first] = holders
  if (first === undefined) throw new Error('nobody signs')
  const commitAll = () => holders.map((share) => new SigningNonces(ed25519, share, random))
  const signAll = () => {
    const nonces = commitAll()
    const commitments = nonces.map(({ commitment }) => commitment)
    const shares = new Map(
      nonces.map((one, i) => {
        const share = holders[i] as KeyShare
        return [share.point, one.sign(ed25519, key, share, commitments, message)]
      }),
    )
    return { commitments, shares }
  }
  const { commitments, shares } = signAll()
  const aggregate = (of: ReadonlyMap<number, Uint8Array>) =>
    aggregateSignature(ed25519, key, commitments, message, of)
  if (aggregate(shares).kind !== 'signed') throw new Error('a good signature was refused')
  const lied = new Map(shares).set(first.point, drawScalar(ed25519, random))
  if (aggregate(lied).kind !== 'refused') throw new Error('a lie went unnoticed')
  // Nonces sign once: a share costs what a commitment and a share cost, less the commitment.
  const commitAndSign = () => {
    const own = new SigningNonces(ed25519, first, random)
    own.sign(ed25519, key, first, [own.commitment, ...commitments.slice(1)], message)
  }
  const whole = () => {
    const made = signAll()
    const { kind } = aggregateSignature(ed25519, key, made.commitments, message, made.shares)
    if (kind !== 'signed') throw new Error('a good signature was refused')
  }
  const [all = 0, commit = 0, both = 0, put = 0, name = 0, peer = 0] = await cpuUs([
    [whole, 40],
    [() => new SigningNonces(ed25519, first, random), 200],
    [commitAndSign, 80],
    [() => aggregate(shares), 80],
    [() => aggregate(lied), 40],
    [nobleSignature(message), 4],
  ])
  return {
    frost_per_s: 1e6 / all,
    frost_ratio: peer / all,
    frost_commit_ms: commit / 1000,
    frost_share_ms: (both - commit) / 1000,
    frost_aggregate_ms: put / 1000,
    frost_name_liar_ms: name / 1000,
  }
}

/** Key x element, by three of five. */
async function multiplying() {
  const { threshold } = SHARING
  const group = ristretto255
  const dealing = dealScalar(group, drawScalar(group, random), POINTS, threshold, random)
  const key = groupKeyOf(group, dealing.commitments, POINTS)
  const element = elementToDerive(group, random.bytes(16))
  const multiply = (point: number) => {
    const share = dealing.shares[point - 1] as Uint8Array
    const part = multiplyPartially(group, OPEN_CONTEXT, { point, share }, element, random)
    if (part === undefined) throw new Error('an element was refused')
    return part
  }
  const parts = SIGNERS.map(multiply)
  const combineAll = () => {
    const { kind } = combineProducts(group, OPEN_CONTEXT, key, element, parts)
    if (kind !== 'combined') throw new Error('good parts were refused')
  }
  const [partial = 0, combined = 0, derived = 0] = await cpuUs([
    [() => multiply(1), 80],
    [combineAll, 40],
    [() => elementToDerive(group, element), 200],
  ])
  return {
    ecdh_partial_ms: partial / 1000,
    ecdh_combine_ms: combined / 1000,
    hash_to_element_ms: derived / 1000,
  }
}

/** The same signature by @noble/curves. */
function nobleSignature(message: Uint8Array): Call {
  const ids = POINTS.map((point) => noble.Identifier.fromNumber(point))
  const dealt = noble.trustedDealer({ min: SHARING.threshold, max: SHARING.shares }, ids)
  const holders = SIGNERS.map((point) => {
    const secret = dealt.secretShares[ids[point - 1] as (typeof ids)[number]]
    if (secret === undefined) throw new Error('a share is missing')
    return secret
  })
  return () => {
    const begun = holders.map((secret) => noble.commit(secret))
    const commitments = begun.map((one) => one.commitments)
    const shares = Object.fromEntries(
      holders.map((secret, i) => [
        secret.identifier,
        noble.signShare(
          secret,
          dealt.public,
          (begun[i] as (typeof begun)[number]).nonces,
          commitments,
          message,
        ),
      ]),
    )
    noble.aggregate(dealt.public, commitments, message, shares)
  }
}

export async function benchCustody(say: (line: string) => void) {
  const figures = {
    ...(await sharing()),
    ...(await signing()),
    ...(await multiplying()),
    ...(await benchPkcs11()),
    ...(await benchPlacement()),
    ...(await benchCustodyNodes()),
  }
  for (const [name, value] of Object.entries(figures)) {
    say(`  ${name.padEnd(24)} ${value.toFixed(value < 100 ? 4 : 0)}`)
  }
  return figures
}
