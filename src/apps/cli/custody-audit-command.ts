/**
 * `limen custody audit verify`: reads an audit log and checkpoints from files, line by line, and says what of it the node did not write.
 *
 * @module
 */
import { createReadStream, existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CHECKPOINTS_FILE, isCheckpointSigned } from '../../adapters/node/custody-audit.ts'
import { fromHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { AUDIT_LINE_MAX } from '../../keys/custody/audit-chain.ts'
import { type AuditCheckpoint, readCheckpoint } from '../../keys/custody/audit-checkpoint.ts'
import { type AuditReport, verifyAudit } from '../../keys/custody/verify-audit.ts'
import { type Output, show } from './asking.ts'
import { EXIT } from './exit-code.ts'
import { plain } from './text-table.ts'

export interface CustodyAuditOptions {
  /** Files of checkpoints that others kept. */
  readonly checkpoints: readonly string[]
  readonly key?: string
  readonly output: Output
}

/** As JSON: nothing that was in the log but ids, keys and numbers. */
type AuditView = AuditReport & {
  readonly intact: boolean
  /** Checkpoints read, of any node. */
  readonly checkpoints: number
  /** Lines of their files that are none. */
  readonly unreadable: number
}

/** Resolves with the exit code. @throws LimenError `usage`, `unreadable` */
export async function runCustodyAudit(
  file: string,
  { checkpoints: files, key, output }: CustodyAuditOptions,
  now: number,
  out: (text: string) => void,
): Promise<number> {
  const beside = join(dirname(file), CHECKPOINTS_FILE)
  const all = new Set(
    [...(existsSync(beside) ? [beside] : []), ...files].map((one) => resolve(one)),
  )
  const checkpoints: AuditCheckpoint[] = []
  let unreadable = 0
  for (const one of all) {
    await eachLine(one, (line) => {
      const read = readCheckpoint(line)
      if (read === undefined) unreadable++
      else checkpoints.push(read)
    })
  }
  const publicKey = key === undefined ? {} : { publicKey: publicKeyOf(key) }
  const verifier = verifyAudit({ checkpoints, ...publicKey, isSigned: isCheckpointSigned, now })
  const report = verifier.end(await eachLine(file, (line) => verifier.take(line)))
  const intact = report.findings.length === 0 && unreadable === 0
  const view = { intact, ...report, checkpoints: checkpoints.length, unreadable }
  show<AuditView>(view, output, auditText, out)
  return intact ? EXIT.done : EXIT.failed
}

function auditText(view: AuditView): string {
  const { lines, signed, node, publicKey, tornBytes, adopted, findings, unreadable } = view
  const text = [
    `Log of node ${node || '(unknown)'}: ${lines} lines, ${signed} of them signed by ${publicKey || '(nobody)'}`,
    ...findings.map(({ fault, line, says }) => `Line ${line}: ${says} (${fault})`),
    ...adopted.map(
      ({ line, entries }) =>
        `Line ${line}: the node began again and found ${entries} lines before it not signed: it had died, or a stranger wrote them`,
    ),
  ]
  if (tornBytes > 0)
    text.push(`Behind the last line: ${tornBytes} bytes of one that a crash has torn`)
  if (unreadable > 0) text.push(`Checkpoints: ${unreadable} lines are none`)
  text.push(view.intact ? 'It is what the node wrote' : 'It is NOT what the node wrote')
  return text.map(plain).join('\n')
}

function publicKeyOf(hex: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(hex)) return fromHex(hex)
  const details = { side: 'operator', retry: false } as const
  throw new LimenError('usage', '--key takes 64 hex digits', details)
}

/** Resolves with the length of what is behind the last end of a line. Of longer lines than there can be, the beginning. */
async function eachLine(path: string, take: (line: string) => void): Promise<number> {
  let rest = ''
  try {
    for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
      const lines = `${rest}${chunk}`.split('\n')
      rest = (lines.pop() ?? '').slice(0, AUDIT_LINE_MAX + 1)
      for (const line of lines) take(line)
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'failed'
    const details = { side: 'operator', retry: false, cause } as const
    throw new LimenError('unreadable', `Cannot read ${path}: ${code}`, details)
  }
  return rest.length
}
