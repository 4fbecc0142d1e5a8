/**
 * A process with a share vault and an audit log in the folder it is given, to be killed: it renews one key without end, a line for each
 * generation that is committed. With `full` it fills the disk first, and says what happened, as JSON.
 *
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import {
  AUDIT_FILE,
  CHECKPOINTS_FILE,
  isCheckpointSigned,
  openCustodyAudit,
} from '../../src/adapters/node/custody-audit.ts'
import { memoryWrappingKey } from '../../src/adapters/node/memory-key.ts'
import { openShareVault } from '../../src/adapters/node/share-vault.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { LimenError } from '../../src/ground/limen-error.ts'
import { readCheckpoint } from '../../src/keys/custody/audit-checkpoint.ts'
import { type AuditReport, verifyAudit } from '../../src/keys/custody/verify-audit.ts'
import type { CustodyAudit } from '../../src/ports/custody-audit.ts'
import { sampleShare, VAULT_NODE } from '../../src/ports/share-vault.contract.ts'
import type { ShareVault } from '../../src/ports/share-vault.ts'

const KEY = 1
const ENTRY = { caller: 'edge/e1', key: 'ca', operation: 'sign', result: 'done' }
/** Ed25519 of RFC 8032, section 7.1, test 1, as PKCS #8 (RFC 8410). */
const SIGNING_KEY = Buffer.from(
  '302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  'hex',
)
const random = systemRandom()

export function openVaultIn(folder: string): Promise<ShareVault> {
  const wrapping = memoryWrappingKey(new Uint8Array(32).fill(5), new Uint8Array(16), random)
  return openShareVault({ folder, node: VAULT_NODE, wrapping, random })
}

/** Of the key that is renewed; 0: it is not there yet. */
export function currentGeneration(vault: ShareVault): number {
  return vault.current(new Uint8Array(16).fill(KEY))?.open().header.generation ?? 0
}

/** Its clock stands still. */
function openAuditIn(folder: string): CustodyAudit {
  const key = createPrivateKey({ key: SIGNING_KEY, format: 'der', type: 'pkcs8' })
  return openCustodyAudit({ folder, node: VAULT_NODE, key, clock: { now: () => 0 } })
}

export function verifyAuditIn(folder: string): AuditReport {
  const linesOf = (file: string): string[] => readFileSync(join(folder, file), 'latin1').split('\n')
  const checkpoints = linesOf(CHECKPOINTS_FILE).flatMap((line) => readCheckpoint(line) ?? [])
  const verifier = verifyAudit({ checkpoints, isSigned: isCheckpointSigned, now: 0 })
  const lines = linesOf(AUDIT_FILE)
  for (const line of lines.slice(0, -1)) verifier.take(line)
  return verifier.end(lines.at(-1)?.length ?? 0)
}

async function renew(folder: string): Promise<void> {
  const vault = await openVaultIn(folder)
  const audit = openAuditIn(folder)
  for (let generation = currentGeneration(vault) + 1; ; generation++) {
    const { unsigned, signed, share } = sampleShare(KEY, generation)
    await vault.prepare(unsigned, share)
    await vault.commit(signed)
    audit.append({ ...ENTRY, detail: { generation } })
    writeSync(1, `${generation}\n`)
    for (const old of vault.generations(share.header.keyId)) {
      if (old.generation < generation) await vault.destroy(old.keyId, old.generation)
    }
  }
}

async function fill(folder: string): Promise<void> {
  const vault = await openVaultIn(folder)
  const filler = join(folder, 'filler')
  const [one, two, three] = [1, 2, 3].map((generation) => sampleShare(KEY, generation))
  if (one === undefined || two === undefined || three === undefined) throw new Error('no sample')
  const failure = async (act: Promise<void>): Promise<string> => {
    try {
      await act
      return 'done'
    } catch (error) {
      return error instanceof LimenError ? error.code : String(error)
    }
  }
  const audit = openAuditIn(folder)
  await vault.prepare(one.unsigned, one.share)
  await vault.commit(one.signed)
  await vault.prepare(two.unsigned, two.share)
  let filled = 'no'
  try {
    for (let size = 4096; ; size += 4096) writeFileSync(filler, Buffer.alloc(size))
  } catch (error) {
    filled = (error as NodeJS.ErrnoException).code ?? ''
  }
  const prepared = await failure(vault.prepare(three.unsigned, three.share))
  const before = currentGeneration(vault)
  const committed = await failure(vault.commit(two.signed))
  const after = currentGeneration(await openVaultIn(folder))
  let audited = 'done'
  while (audited === 'done') audited = await failure((async () => audit.append(ENTRY))())
  const entries = audit.head().count
  rmSync(filler)
  audit.append(ENTRY)
  await audit.close()
  const report = verifyAuditIn(folder)
  const isChain = report.lines === entries + 1 && report.tornBytes === 0
  const again = await failure(vault.prepare(three.unsigned, three.share))
  writeSync(
    1,
    JSON.stringify({
      filled,
      prepared,
      before,
      committed,
      after,
      again,
      audited,
      isChain,
      findings: report.findings,
    }),
  )
}

if (import.meta.main) {
  const [folder = '', how] = process.argv.slice(2)
  await (how === 'full' ? fill(folder) : renew(folder))
}
