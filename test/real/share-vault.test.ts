import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { AUDIT_FILE } from '../../src/adapters/node/custody-audit.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { currentGeneration, openVaultIn, verifyAuditIn } from './share-vault-process.ts'

const PROGRAM = join(import.meta.dirname, 'share-vault-process.ts')
const ROUNDS = 30
const random = seededRandom(6)
const folder = mkdtempSync(join(tmpdir(), 'limen-vault-'))
after(() => rmSync(folder, { recursive: true }))

/** Kills it by SIGKILL some time after its first commit. The generations it has said. */
async function runAndKill(afterMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [PROGRAM, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    said += bytes
  })
  const [, signal] = await once(child, 'close')
  assert.equal(signal, 'SIGKILL', 'it ended by itself')
  // A line may be cut where it was killed, so the whole ones count.
  return said.split('\n').slice(0, -1).map(Number)
}

describe('a share vault', () => {
  it('holds one whole generation, and no older one than it said, whenever it is killed, and nothing that was said is missing in the audit log', async () => {
    let total = 0
    const leftovers = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const all = await runAndKill(random.fraction() * 40)
      const said = all.at(-1) ?? 0
      for (const name of readdirSync(join(folder, 'shares'))) leftovers.add(name.at(-1) ?? '')
      const vault = await openVaultIn(folder)
      const { generations, damaged } = vault.list()
      assert.deepEqual(damaged, [])
      const current = currentGeneration(vault)
      assert.ok(current === said || current === said + 1, `${said} was said, ${current} is there`)
      assert.deepEqual(verifyAuditIn(folder).findings, [])
      const log = readFileSync(join(folder, AUDIT_FILE), 'latin1')
      for (const one of all) assert.ok(log.includes(`"detail":{"generation":${one}}`), `${one}`)
      // Killed before it destroyed the old one, again and again, it leaves several; the next that lives on destroys them.
      for (const { generation } of generations) assert.ok(generation <= current + 1)
      assert.deepEqual(
        readdirSync(join(folder, 'shares')).filter((name) => /\.[td]$/.test(name)),
        [],
      )
      vault.close()
      total = current
    }
    assert.ok(total > ROUNDS, `${total} generations`)
    // It was killed in the midst of a change, too, or this says little.
    assert.ok(leftovers.size > 1, [...leftovers].join())
  })

  it('keeps the old generation on a full disk, and can still commit what is prepared; no audited line is torn', async (t) => {
    const disk = mkdtempSync(join(tmpdir(), 'limen-vault-disk-'))
    try {
      const mounts = await mountsHere()
      if (mounts === undefined) {
        t.skip('a small disk has to be mounted: neither root nor a user namespace may here')
        return
      }
      // A mount of its own, which is gone with the process.
      const script = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" "$3" "$1" full'
      const { stdout } = await promisify(execFile)('unshare', [
        ...[...mounts, 'sh', '-c', script, 'sh', disk, process.execPath, PROGRAM],
      ])
      assert.deepEqual(JSON.parse(stdout), {
        ...{ filled: 'ENOSPC', prepared: 'vault-full', before: 1 },
        ...{ committed: 'done', after: 2, again: 'done' },
        ...{ audited: 'audit-unwritable', isChain: true, findings: [] },
      })
    } finally {
      rmSync(disk, { recursive: true })
    }
  })
})

/** How a process gets mounts of its own here; undefined where it may not. */
async function mountsHere(): Promise<readonly string[] | undefined> {
  for (const how of [['--mount'], ['--user', '--map-root-user', '--mount']]) {
    const script = 'mount -t tmpfs -o size=64k none /mnt'
    const may = promisify(execFile)('unshare', [...how, 'sh', '-c', script]).then(
      () => true,
      () => false,
    )
    if (await may) return how
  }
  return undefined
}
