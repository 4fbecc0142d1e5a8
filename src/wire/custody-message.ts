/**
 * LCQ1 and LCR1: what is asked of a custody node, and what it answers (LCU/1, `docs/wire/custody.md`). Layout and limits only; what is
 * asked means something in `apps/custody/`.
 *
 *  0  4  "LCQ1"                          0  4  "LCR1"
 *  4  1  1 (version)                     4  1  1 (version)
 *  5  1  operation                       5  1  operation
 *  6  2  0                               6  1  outcome, 0: done
 *  8 16  request id                      7  1  0
 * 24  8  milliseconds since 1970         8 16  request id
 * 32 16  key id                         24  4  generation, 0: none
 * 48  4  generation, 0: the newest      28     fields
 * 52     fields
 *
 * A field is tag u8 | length u32 | value, ascending by tag; which are there, how often and how long, says {@link OPERATIONS}.
 *
 * @module
 */
import { joinOctets } from '../ground/octets.ts'
import { u16, u32 } from './big-endian.ts'
import { DELETION_BYTES } from './custody-deletion.ts'
import { PLAN_BYTES_MAX } from './custody-plan.ts'
import { KEY_ID_BYTES, SECRET_BYTES_MAX } from './share-record.ts'

/** Where a node is asked, by POST. */
export const CUSTODY_PATH = '/v1/op'
/** Of a whole message. A secret of 64 KiB, shared by 15, fits. */
export const CUSTODY_MESSAGE_BYTES_MAX = 1 << 20
export const REQUEST_ID_BYTES = 16

/** A tag, its length at least and at most, and how often it is there at least and at most. */
type Rule = readonly [tag: number, least: number, most: number, few: number, many: number]

export const FIELD = {
  label: 1,
  input: 2,
  aad: 3,
  action: 4,
  commitment: 5,
  share: 6,
  proof: 7,
  challenge: 8,
  session: 9,
  card: 10,
  sealed: 11,
  manifest: 12,
  prepared: 13,
  plan: 14,
  dealing: 15,
  point: 16,
  key: 17,
  output: 18,
  checkpoint: 19,
  deletion: 20,
} as const
export type Field = (typeof FIELD)[keyof typeof FIELD]

const F = FIELD
/** Of use, version and name: `keys/custody/key-label.ts`. */
const LABEL: Rule = [F.label, 6, 133, 1, 1]
const OCTETS_MAX = SECRET_BYTES_MAX
const HOLDERS_MAX = 255
/** Of nodes of a cluster, in one message. */
const CHECKPOINTS_MAX = 255
/** A line of `keys/custody/audit-checkpoint.ts`. */
const CHECKPOINT_BYTES_MAX = 512
/** HPKE's key and tag, point and salt. */
const SEALED: Rule = [F.sealed, 48, OCTETS_MAX + 81, 1, HOLDERS_MAX]
/** The sender's point before it. */
const SEALED_BY: Rule = [F.sealed, 49, SEALED[2] + 1, 1, HOLDERS_MAX]
const ONE_SEALED: Rule = [F.sealed, SEALED[1], SEALED[2], 1, 1]
const MANIFEST: Rule = [F.manifest, 36 + 64, 36 + HOLDERS_MAX * 49 + 72, 1, 1]
const PREPARED: Rule = [F.prepared, 36, MANIFEST[2] - 64, 1, 1]
/** Of `custody-plan.ts`. */
const PLAN: Rule = [F.plan, 48 + 64, PLAN_BYTES_MAX, 1, 1]
const none: readonly Rule[] = []
const once = (tag: number, least: number, most = least): Rule => [tag, least, most, 1, 1]
const perhaps = ([tag, least, most, , many]: Rule): Rule => [tag, least, most, 0, many]

interface Operation {
  readonly code: number
  readonly request: readonly Rule[]
  readonly answer: readonly Rule[]
}

export const OPERATIONS = {
  /** FROST, round one: commitments of this caller's next signatures, hiding | binding. */
  nonces: { code: 1, request: [LABEL], answer: [[F.commitment, 64, 64, 1, 64]] },
  /** FROST, round two: all signers' commitments, point | hiding | binding. */
  sign: {
    code: 2,
    request: [LABEL, once(F.input, 0, OCTETS_MAX), [F.commitment, 65, 65, 2, HOLDERS_MAX]],
    answer: [once(F.share, 32)],
  },
  /** Share x element; of a key that derives, the element is hashed from the input here. */
  multiply: {
    code: 3,
    request: [LABEL, once(F.input, 1, 1024)],
    answer: [once(F.share, 32), once(F.proof, 64)],
  },
  /** With a secret that this node has put together, or puts together of these shares. */
  use: {
    code: 4,
    request: [
      LABEL,
      once(F.input, 0, OCTETS_MAX),
      perhaps(once(F.aad, 0, 1024)),
      once(F.action, 1),
      perhaps(once(F.session, 16)),
      perhaps(SEALED_BY),
    ],
    answer: [once(F.output, 0, OCTETS_MAX + 1024)],
  },
  /** This node's share, sealed to another holder. */
  deliver: {
    code: 5,
    request: [LABEL, once(F.session, 16), once(F.card, 152)],
    answer: [ONE_SEALED],
  },
  prove: { code: 6, request: [once(F.challenge, 32)], answer: [once(F.proof, 64)] },
  /** Keys after this one, ascending: key id | generation. */
  list: { code: 7, request: none, answer: [[F.key, 20, 20, 0, 1000]] },
  /**
   * The manifests of its two newest generations, and the newest deletion; the answer's generation is the newest of all, prepared, deleted
   * or not.
   */
  state: {
    code: 8,
    request: none,
    answer: [
      [F.manifest, MANIFEST[1], MANIFEST[2], 0, 2],
      [F.deletion, DELETION_BYTES, DELETION_BYTES, 0, 1],
    ],
  },
  deal: {
    code: 9,
    request: [perhaps(MANIFEST), PLAN],
    answer: [[F.commitment, 32, 32, 0, HOLDERS_MAX], perhaps(once(F.proof, 64)), SEALED],
  },
  /** What all dealers dealt to this node: added up, and committed to. */
  take: {
    code: 10,
    request: [
      perhaps(MANIFEST),
      PLAN,
      [F.dealing, 51, OCTETS_MAX + HOLDERS_MAX * 32 + 256, 1, HOLDERS_MAX],
    ],
    answer: [[F.commitment, 32, 32, 1, HOLDERS_MAX]],
  },
  /** The manifest to be, not signed: kept with what was taken, durably. Of octets: the share, sealed to the first holder. */
  prepare: { code: 11, request: [PREPARED], answer: [perhaps(ONE_SEALED)] },
  /** Whether all shares of a prepared generation of octets are of one secret, and of the right one. */
  compare: { code: 12, request: [SEALED_BY], answer: none },
  commit: { code: 13, request: [MANIFEST], answer: none },
  destroy: { code: 14, request: [MANIFEST], answer: none },
  abort: { code: 15, request: [PLAN], answer: none },
  /** How often shares, and secrets that were put together, were at hand and were not: four times u64. */
  figures: { code: 16, request: none, answer: [once(F.output, 32)] },
  /** What other nodes signed of their audit logs, each with the card of its node; answered with this node's newest. */
  checkpoint: {
    code: 17,
    request: [
      [F.card, 152, 152, 0, CHECKPOINTS_MAX],
      [F.checkpoint, 1, CHECKPOINT_BYTES_MAX, 0, CHECKPOINTS_MAX],
    ],
    answer: [perhaps(once(F.checkpoint, 1, CHECKPOINT_BYTES_MAX))],
  },
  /** All shares of a key go, for good. */
  delete: { code: 18, request: [once(F.deletion, DELETION_BYTES)], answer: none },
} as const satisfies Readonly<Record<string, Operation>>
export type OperationName = keyof typeof OPERATIONS

/** What came of a request, by number: its place here. */
export const OUTCOMES = [
  'done',
  /** This request id was there before. */
  'replayed',
  /** The clocks of caller and node differ too much. */
  'clock',
  /** The access policy does not allow it. */
  'refused',
  'unknown-key',
  /** Not a generation this node can use. */
  'share-gen',
  /** The share does not open, or is not what was committed to. */
  'share-commit',
  /** Nonces that are not there, or signed before. */
  'nonces',
  /** The secret has to be put together first, of shares sealed for the session in the answer. */
  'not-assembled',
  /** Not an element, not a key of this kind, not sealed by this key. */
  'input',
  /** A limit is reached; later, or another node. */
  'busy',
  'vault-full',
  /** Of these dealers: not what they should have dealt. */
  'dealing',
  /** Shares that are not of one secret, or not of the right one; of these points as far as that can be told. */
  'inconsistent',
  /** Not what this key is in the middle of, or not signed by the cluster. */
  'state',
  'failed',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Fields by tag, in the order they came. */
export type Fields = ReadonlyMap<number, readonly Uint8Array[]>

export interface CustodyRequest {
  readonly operation: OperationName
  readonly requestId: Uint8Array
  /** Milliseconds since 1970, by the caller's clock. */
  readonly time: number
  readonly keyId: Uint8Array
  /** 0: the newest. */
  readonly generation: number
  readonly fields: Fields
}

export interface CustodyAnswer {
  readonly operation: OperationName
  readonly outcome: Outcome
  readonly requestId: Uint8Array
  readonly generation: number
  readonly fields: Fields
}

const REQUEST_MAGIC = [0x4c, 0x43, 0x51, 0x31]
const ANSWER_MAGIC = [0x4c, 0x43, 0x52, 0x31]
const VERSION = 1
const REQUEST_HEAD_BYTES = 52
const ANSWER_HEAD_BYTES = 28
const FIELD_HEAD_BYTES = 5
/** What an answer other than `done` may say. */
const REFUSAL: readonly Rule[] = [
  [F.session, 16, 16, 0, 1],
  [F.point, 1, 1, 0, HOLDERS_MAX],
]
const NAMES = new Map(
  (Object.keys(OPERATIONS) as OperationName[]).map((name) => [
    OPERATIONS[name].code as number,
    name,
  ]),
)

/** Views of `bytes`; undefined for anything but one whole request. Never throws. */
export function readCustodyRequest(bytes: Uint8Array): CustodyRequest | undefined {
  if (!begins(bytes, REQUEST_MAGIC, REQUEST_HEAD_BYTES) || u16(bytes, 6) !== 0) return undefined
  const operation = NAMES.get(bytes[5] as number)
  if (operation === undefined) return undefined
  const fields = readFields(bytes.subarray(REQUEST_HEAD_BYTES), OPERATIONS[operation].request)
  const time = u32(bytes, 24) * 2 ** 32 + u32(bytes, 28)
  if (fields === undefined || time > Number.MAX_SAFE_INTEGER) return undefined
  return {
    operation,
    requestId: bytes.subarray(8, 24),
    time,
    keyId: bytes.subarray(32, 32 + KEY_ID_BYTES),
    generation: u32(bytes, 48),
    fields,
  }
}

/** @throws RangeError for a request that no reader would take */
export function writeCustodyRequest(request: CustodyRequest): Uint8Array {
  const { operation, time, generation, fields } = request
  const head = new Uint8Array(REQUEST_HEAD_BYTES)
  head.set([...REQUEST_MAGIC, VERSION, OPERATIONS[operation].code])
  head.set(request.requestId, 8)
  const view = new DataView(head.buffer)
  view.setBigUint64(24, BigInt(time))
  head.set(request.keyId, 32)
  view.setUint32(48, generation)
  return joinOctets(head, ...fieldParts(fields, OPERATIONS[operation].request))
}

/** Views of `bytes`; undefined for anything but one whole answer. Never throws. */
export function readCustodyAnswer(bytes: Uint8Array): CustodyAnswer | undefined {
  if (!begins(bytes, ANSWER_MAGIC, ANSWER_HEAD_BYTES) || bytes[7] !== 0) return undefined
  const operation = NAMES.get(bytes[5] as number)
  const outcome = OUTCOMES[bytes[6] as number]
  if (operation === undefined || outcome === undefined) return undefined
  const rules = outcome === 'done' ? OPERATIONS[operation].answer : REFUSAL
  const fields = readFields(bytes.subarray(ANSWER_HEAD_BYTES), rules)
  if (fields === undefined) return undefined
  const requestId = bytes.subarray(8, 24)
  return { operation, outcome, requestId, generation: u32(bytes, 24), fields }
}

/** @throws RangeError for an answer that no reader would take */
export function writeCustodyAnswer(answer: CustodyAnswer): Uint8Array {
  const { operation, outcome, requestId, generation, fields } = answer
  const head = new Uint8Array(ANSWER_HEAD_BYTES)
  head.set([...ANSWER_MAGIC, VERSION, OPERATIONS[operation].code, OUTCOMES.indexOf(outcome), 0])
  head.set(requestId, 8)
  new DataView(head.buffer).setUint32(24, generation)
  const rules = outcome === 'done' ? OPERATIONS[operation].answer : REFUSAL
  return joinOctets(head, ...fieldParts(fields, rules))
}

/** The only field of a tag that is there once. @throws RangeError where rules do not say that it is */
export function fieldOf(fields: Fields, tag: Field): Uint8Array {
  const [first] = fields.get(tag) ?? []
  if (first === undefined) throw new RangeError(`A message has no field ${tag}`)
  return first
}

function begins(bytes: Uint8Array, magic: readonly number[], head: number): boolean {
  if (bytes.length < head || bytes.length > CUSTODY_MESSAGE_BYTES_MAX) return false
  return magic.every((octet, i) => bytes[i] === octet) && bytes[4] === VERSION
}

function readFields(bytes: Uint8Array, rules: readonly Rule[]): Fields | undefined {
  const fields = new Map<number, Uint8Array[]>()
  let last = 0
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number
    const begin = at + FIELD_HEAD_BYTES
    const end = begin + u32(bytes, at + 1)
    if (begin > bytes.length || end > bytes.length || tag < last) return undefined
    const values = fields.get(tag)
    if (values === undefined) fields.set(tag, [bytes.subarray(begin, end)])
    else values.push(bytes.subarray(begin, end))
    last = tag
    at = end
  }
  return areAllowed(fields, rules) ? fields : undefined
}

function areAllowed(fields: Fields, rules: readonly Rule[]): boolean {
  let known = 0
  for (const [tag, least, most, few, many] of rules) {
    const values = fields.get(tag) ?? []
    if (values.length > 0) known++
    if (values.length < few || values.length > many) return false
    if (!values.every(({ length }) => length >= least && length <= most)) return false
  }
  return known === fields.size
}

function fieldParts(fields: Fields, rules: readonly Rule[]): Uint8Array[] {
  if (!areAllowed(fields, rules)) throw new RangeError('Cannot write fields that do not belong')
  return [...fields]
    .sort(([a], [b]) => a - b)
    .flatMap(([tag, values]) =>
      values.flatMap((value) => {
        const head = new Uint8Array(FIELD_HEAD_BYTES)
        head[0] = tag
        new DataView(head.buffer).setUint32(1, value.length)
        return [head, value]
      }),
    )
}
