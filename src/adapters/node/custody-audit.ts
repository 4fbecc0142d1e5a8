/**
 * {@link CustodyAudit} in two files of a folder: `audit.jsonl`, to which entries are only ever added, and `checkpoints.jsonl`, what this
 * node signed and what it keeps of others.
 *
 * An entry is written, but not flushed, before its operation is answered: a killed process loses none, a power cut those since the
 * last checkpoint at most, 64 entries or 10 s. What must survive that too is flushed by its caller. A line that a crash has torn
 * was of an operation nobody got an answer to: it is cut off at the next start, which says so in the log.
 *
 * @module
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import {
  closeSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import {
  AUDIT_LINE_MAX,
  AUDIT_START,
  CHAIN_START,
  readAuditLine,
  writeAuditLine,
} from '../../keys/custody/audit-chain.ts'
import {
  type AuditCheckpoint,
  CHECKPOINT_ENTRIES,
  CHECKPOINT_MS,
  checkpointBytes,
  readCheckpoint,
  writeCheckpoint,
} from '../../keys/custody/audit-checkpoint.ts'
import type { CustodyAudit } from '../../ports/custody-audit.ts'
import { flushFolder, makePrivateFolder } from './private-file.ts'

export interface CustodyAuditOptions {
  readonly folder: string
  /** 16 octets. */
  readonly node: Uint8Array
  /** Ed25519, private: signs checkpoints, the same one over restarts. */
  readonly key: KeyObject
  readonly clock: Clock
  /** Told each new checkpoint, to send it to the other nodes. */
  readonly onCheckpoint?: (checkpoint: AuditCheckpoint) => void
  /** Told when a checkpoint by itself could not be written; the next one is tried again after {@link CHECKPOINT_MS}. */
  readonly onError?: (error: unknown) => void
}

export const AUDIT_FILE = 'audit.jsonl'
export const CHECKPOINTS_FILE = 'checkpoints.jsonl'
/** Of the key as SubjectPublicKeyInfo (RFC 8410), the last octets are the point. */
const PUBLIC_KEY_BYTES = 32
const flushData = promisify(fdatasync)

/**
 * @throws LimenError `audit-unwritable`; `audit-damaged` when the end of the log is not what this node signed: it is left as it is, as
 *   evidence, and has to be moved away
 */
export function openCustodyAudit(options: CustodyAuditOptions): CustodyAudit {
  const { node, clock, key } = options
  makePrivateFolder(options.folder)
  const path = join(options.folder, AUDIT_FILE)
  const log = openLines(path)
  const kept = openLines(join(options.folder, CHECKPOINTS_FILE))
  attempt(path, () => flushFolder(options.folder))
  const publicKey = publicOctets(key)
  const newest = newestOf(kept.lines())
  let last = newest.get(toHex(node))
  let { count, hash } = endOf(log.last, path)
  const isCutShort = (last?.count ?? 0) > count
  const isAnother = last?.count === count && toHex(last.hash) !== toHex(hash)
  if (isCutShort || isAnother) throw damaged(path, 'is not what this node has signed')
  let signing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const append: CustodyAudit['append'] = (entry) => {
    if (isClosed) throw new RangeError('Cannot write to an audit log that is closed')
    const made = writeAuditLine({ ...entry, n: count + 1, at: clock.now() }, hash)
    log.add(made.line)
    count += 1
    hash = made.hash
    if (count - (last?.count ?? 0) >= CHECKPOINT_ENTRIES) signLater(0)
    else signLater(CHECKPOINT_MS)
  }

  /** One timer: the earlier one is kept, but for one that is due at once. */
  const signLater = (afterMs: number): void => {
    if (timer !== undefined && afterMs > 0) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      checkpoint().catch((error: unknown) => {
        options.onError?.(error)
        if (!isClosed) signLater(CHECKPOINT_MS)
      })
    }, afterMs).unref()
  }

  /** One after the other, each over what is there when its turn comes. */
  const checkpoint = async (): Promise<AuditCheckpoint> => {
    const before = signing
    const turn = (async () => {
      await before.catch(() => undefined)
      if (last?.count === count) return last
      clearTimeout(timer)
      timer = undefined
      const over = { node, count, hash, at: clock.now() }
      await log.flush()
      const signature = new Uint8Array(sign(null, checkpointBytes(over), key))
      const made = { ...over, publicKey, signature }
      kept.add(writeCheckpoint(made))
      await kept.flush()
      last = made
      if (count > made.count && !isClosed) signLater(CHECKPOINT_MS)
      options.onCheckpoint?.(made)
      return made
    })()
    signing = turn.then(() => undefined)
    signing.catch(() => undefined)
    return turn
  }

  append({
    ...{ caller: 'node', key: '', operation: AUDIT_START, result: 'done' },
    detail: {
      ...{ node: toHex(node), publicKey: toHex(publicKey) },
      ...{ unsigned: count - (last?.count ?? 0), tornBytes: log.tornBytes },
    },
  })
  return {
    append,
    checkpoint,
    flush: () => log.flush(),
    head: () => ({ count, hash }),
    keepCheckpointOf(signer, one) {
      const name = toHex(one.node)
      const isOwn = name === toHex(node)
      const isNewer = one.count > (newest.get(name)?.count ?? 0)
      if (isOwn || !isNewer || toHex(signer) !== toHex(one.publicKey)) return false
      if (!isCheckpointSigned(signer, checkpointBytes(one), one.signature)) return false
      kept.add(writeCheckpoint(one))
      newest.set(name, one)
      return true
    },
    async close() {
      if (isClosed) return
      isClosed = true
      clearTimeout(timer)
      try {
        await checkpoint()
      } finally {
        clearTimeout(timer)
        log.close()
        kept.close()
      }
    },
  }
}

/** Ed25519, of keys and signatures that may be anything. */
export function isCheckpointSigned(
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const x = Buffer.from(publicKey).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return verify(null, bytes, key, signature)
  } catch {
    return false
  }
}

function publicOctets(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType !== 'ed25519') throw new RangeError('key must be an Ed25519 key')
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(-PUBLIC_KEY_BYTES))
}

function endOf(line: string | undefined, path: string) {
  if (line === undefined) return { count: 0, hash: CHAIN_START }
  const read = readAuditLine(line)
  if (read === undefined) throw damaged(path, 'does not end with a line of an audit log')
  return { count: read.entry.n, hash: read.hash }
}

/** The newest of each node. What cannot be read is left to who verifies. */
function newestOf(lines: readonly string[]): Map<string, AuditCheckpoint> {
  const newest = new Map<string, AuditCheckpoint>()
  for (const line of lines) {
    const one = readCheckpoint(line)
    if (one === undefined) continue
    const name = toHex(one.node)
    if (one.count > (newest.get(name)?.count ?? 0)) newest.set(name, one)
  }
  return newest
}

/** A file to which lines are added whole or not at all. What was torn is cut off when it is opened. */
function openLines(path: string) {
  const file = attempt(path, () => openSync(path, 'a+', 0o600))
  let size = attempt(path, () => fstatSync(file).size)
  const tail = readAt(file, Math.max(0, size - AUDIT_LINE_MAX - 1), size)
  const whole = tail.lastIndexOf(0x0a) + 1
  const tornBytes = tail.length - whole
  if (whole === 0 && tail.length > AUDIT_LINE_MAX) throw damaged(path, 'has no end of a line')
  if (tornBytes > 0) {
    size -= tornBytes
    attempt(path, () => {
      ftruncateSync(file, size)
      fsyncSync(file)
    })
  }
  return {
    tornBytes,
    last: tail.toString('latin1', 0, whole).split('\n').at(-2),
    lines: () => readAt(file, 0, size).toString('latin1').split('\n').slice(0, -1),
    add(line: string): void {
      const bytes = Buffer.from(`${line}\n`, 'latin1')
      attempt(path, () => {
        try {
          for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
        } catch (error) {
          ftruncateSync(file, size)
          throw error
        }
      })
      size += bytes.length
    },
    async flush(): Promise<void> {
      try {
        await flushData(file)
      } catch (error) {
        throw unwritable(path, error)
      }
    },
    close: () => closeSync(file),
  }
}

function readAt(file: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from)
  let read = 0
  while (read < bytes.length) {
    const got = readSync(file, bytes, read, bytes.length - read, from + read)
    if (got === 0) break
    read += got
  }
  return bytes.subarray(0, read)
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw unwritable(path, error)
  }
}

function unwritable(path: string, cause: unknown): LimenError {
  const details = { side: 'operator', retry: true, cause } as const
  return new LimenError('audit-unwritable', `Cannot write the audit log ${path}`, details)
}

function damaged(path: string, says: string): LimenError {
  const message = `The audit log ${path} ${says}: move it away, and keep it`
  return new LimenError('audit-damaged', message, { side: 'operator', retry: false })
}
