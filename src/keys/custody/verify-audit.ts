/**
 * Whether an audit log is what a custody node wrote (`audit-chain.ts`), by its own hashes and by checkpoints, of its own and those
 * that other nodes kept: lines changed, taken out, moved, cut off or added are named. A last line without its end is what a crash leaves,
 * and no tampering.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import { AUDIT_START, type AuditEntry, CHAIN_START, readAuditLine } from './audit-chain.ts'
import { type AuditCheckpoint, CHECKPOINT_MS, checkpointBytes } from './audit-checkpoint.ts'

export type AuditFault =
  /** Not a line of an audit log. */
  | 'line'
  /** Lines are missing before it, or it is in another place. */
  | 'number'
  /** It does not follow from the line before: it, or that one, was changed. */
  | 'hash'
  /** The chain fits, but another one was signed: it was written anew. */
  | 'rewritten'
  /** More lines were signed than there are. */
  | 'truncated'
  /** Long there and not signed: a stranger wrote them, or the node died before it signed. */
  | 'unsigned'
  /** A checkpoint that its key did not sign, or a key that is not the node's. */
  | 'signature'

export interface AuditFinding {
  readonly fault: AuditFault
  /** From 1; for what was cut off, the first line that is missing. */
  readonly line: number
  readonly says: string
}

export interface AuditReport {
  readonly lines: number
  /** Lines that the last checkpoint is over. */
  readonly signed: number
  /** As the log says, hex. */
  readonly node: string
  /** Hex; who signed, as the log says or as was given. */
  readonly publicKey: string
  /** Octets of a last line without its end; 0: none. */
  readonly tornBytes: number
  /** Entries that were there and not signed when the node opened its log again, by the line in which it says so. */
  readonly adopted: readonly { readonly line: number; readonly entries: number }[]
  /** At most {@link FINDINGS_MAX}. Empty: it is what the node wrote. */
  readonly findings: readonly AuditFinding[]
}

export interface AuditVerification {
  /** Of any nodes, in any order. */
  readonly checkpoints: readonly AuditCheckpoint[]
  /** Of the node, when it is known from elsewhere; else as the log says. */
  readonly publicKey?: Uint8Array
  /** Ed25519 (RFC 8032). */
  isSigned(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface AuditVerifier {
  /** The next line, without its end. */
  take(line: string): void
  /** @param tornBytes what is behind the last end of a line */
  end(tornBytes: number): AuditReport
}

/** Who edits a whole log is known after that many lines. */
export const FINDINGS_MAX = 100
/** A node that lives has signed after its interval and what a busy disk adds. */
const UNSIGNED_MS = 3 * CHECKPOINT_MS

export function verifyAudit(options: AuditVerification): AuditVerifier {
  const findings: AuditFinding[] = []
  const adopted: { line: number; entries: number }[] = []
  const find = (fault: AuditFault, line: number, says: string): void => {
    if (findings.length < FINDINGS_MAX) findings.push({ fault, line, says })
  }
  /** What was signed of each line that was, by its number. */
  const wanted = new Map<number, AuditCheckpoint[]>()
  for (const one of options.checkpoints) {
    wanted.set(one.count, [...(wanted.get(one.count) ?? []), one])
  }
  let lines = 0
  let expected = 1
  let hash = CHAIN_START
  let node = ''
  let key = options.publicKey === undefined ? '' : toHex(options.publicKey)
  let signed = 0
  let unsignedSince: number | undefined

  /** Checkpoints over what has been read; false when one is of another chain. */
  const compare = (): void => {
    const own = (wanted.get(lines) ?? []).filter((one) => toHex(one.node) === node)
    for (const one of own) {
      if (toHex(one.publicKey) !== key || !isSigned(options, one)) {
        find('signature', lines, `a checkpoint over ${lines} lines is not signed by ${key}`)
      } else if (toHex(one.hash) !== toHex(hash)) {
        const from = signed + 1
        find('rewritten', from, `lines ${from} to ${lines} are not those that were signed`)
        signed = lines
      } else {
        signed = lines
        unsignedSince = undefined
      }
    }
  }

  return {
    take(line) {
      lines++
      const read = readAuditLine(line)
      if (read === undefined) {
        find('line', lines, 'is no line of an audit log')
        expected++
        return
      }
      const { entry } = read
      const fits = toHex(read.hashAfter(hash)) === toHex(read.hash)
      if (entry.n !== expected) {
        find('number', lines, `says it is line ${entry.n}, where line ${expected} has to be`)
      } else if (!fits) find('hash', lines, 'does not follow from the line before: changed')
      expected = entry.n + 1
      hash = read.hash
      unsignedSince ??= entry.at
      if (entry.operation === AUDIT_START) {
        const start = startOf(entry)
        if (lines === 1) node = start.node
        if (key === '') key = start.publicKey
        if (start.node !== node) find('line', lines, 'is of the log of another node')
        if (start.publicKey !== key) find('signature', lines, 'has another key sign from here on')
        if (start.unsigned > 0) adopted.push({ line: lines, entries: start.unsigned })
      } else if (lines === 1) find('line', 1, 'is not where a log begins')
      compare()
    },
    end(tornBytes) {
      const beyond = [...wanted.values()]
        .flat()
        .filter((one) => one.count > lines && (node === '' || toHex(one.node) === node))
        .filter((one) => isSigned(options, one))
      const most = Math.max(0, ...beyond.map(({ count }) => count))
      if (lines === 0 && most === 0) find('line', 1, 'is not there: a log begins with a start')
      if (most > 0) find('truncated', lines + 1, `${most} lines were signed, ${lines} are left`)
      // A stranger may say any time, so what is to come is as bad as what is past.
      if (unsignedSince !== undefined && Math.abs(options.now - unsignedSince) > UNSIGNED_MS) {
        const says = 'from here on not signed: a stranger wrote, or the node died before it signed'
        find('unsigned', signed + 1, says)
      }
      return { lines, signed, node, publicKey: key, tornBytes, adopted, findings }
    },
  }
}

function isSigned({ isSigned: check }: AuditVerification, one: AuditCheckpoint): boolean {
  return check(one.publicKey, checkpointBytes(one), one.signature)
}

/** What an {@link AUDIT_START} says: see `adapters/node/custody-audit.ts`, which writes it. */
function startOf({ detail }: AuditEntry) {
  const text = (name: string): string => {
    const value = detail?.[name]
    return typeof value === 'string' ? value : ''
  }
  const unsigned = detail?.['unsigned']
  return {
    node: text('node'),
    publicKey: text('publicKey'),
    unsigned: typeof unsigned === 'number' ? unsigned : 0,
  }
}
