/**
 * A program: walks every record of the LMDB environment named by its argument. Exits 0 when all of it can
 * be read; says what is wrong and exits 1, or dies by a signal, when not. Started by `environment.ts`.
 *
 * @module
 */
import { open } from 'lmdb'

const root = open<Uint8Array, string>({
  path: process.argv[2] ?? '',
  encoding: 'binary',
  noSubdir: false,
  readOnly: true,
  maxDbs: 16,
})
for (const name of [...root.getKeys()]) {
  const database = root.openDB<Uint8Array, string>({ name, encoding: 'binary' })
  const { entryCount } = database.getStats() as { readonly entryCount: number }
  let walked = 0
  for (const { value } of database.getRange()) if (value.length >= 0) walked++
  if (walked !== entryCount) {
    process.stderr.write(`${name}: ${walked} of ${entryCount} records can be read\n`)
    process.exitCode = 1
  }
}
await root.close()
