/**
 * What `limen custody backup` and `restore` do; the other commands about a cluster are `custody-cluster-work.ts`.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { writePrivateFile } from '../../adapters/node/private-file.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { toHex } from '../../ground/hex.ts'
import { readKeyLabel, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { backUp } from '../custody/back-up.ts'
import type { Holding } from '../custody/drive-change.ts'
import { addKeyName } from '../custody/key-names.ts'
import { mayHideKeys, silentWords } from '../custody/listed-keys.ts'
import { forOneLook } from '../custody/one-look.ts'
import { changesOf, type OpenCluster } from '../custody/open-cluster.ts'
import { checkRecoveryKey, recover } from '../custody/recovery-key.ts'
import { idOfBackedUp, openBackup, restoreKeys } from '../custody/restore.ts'
import { show } from './asking.ts'
import * as text from './custody-cluster-text.ts'
import {
  backupBytes,
  type ClusterOptions,
  type HeldOptions,
  idOf,
  namesOf,
  secretLines,
  type Told,
  withCluster,
} from './custody-cluster-work.ts'
import { holdingOf, inDomains, usage } from './custody-words.ts'
import { EXIT } from './exit-code.ts'

export async function backUpCluster(
  told: Told,
  file: string,
  options: ClusterOptions & { readonly without: readonly string[] },
): Promise<void> {
  await withCluster(options, async (cluster) => {
    if (existsSync(file)) throw usage(`${file} is there already`)
    const { config, client, identity, random } = cluster
    const { sign } = changesOf(cluster)
    const { without } = options
    const stranger = without.find((one) => !config.nodes.some(({ id }) => id === one))
    if (stranger !== undefined) throw usage(`There is no node ${stranger}`)
    if (config.recovery === undefined) throw usage('recovery is not configured')
    const bytes = new Uint8Array(readFileSync(config.recovery.key))
    const recovery = { bytes, value: checkRecoveryKey(bytes, identity) }
    const operators = new Uint8Array(readFileSync(config.recovery.operators))
    const names = namesOf(cluster)
    const labels = new Map([...names].map(([id, label]) => [id, writeKeyLabel(label)]))
    const [links, { manifests }] = [forOneLook(client.links), client]
    const made = await backUp(
      {
        ...{ cluster: config.cluster, links, manifests, random, sign },
        ...{ recovery, operators, labels, without },
        onProgress: (done, all) => told.progress(`${done} of ${all} keys backed up`),
      },
      systemClock.now(),
    )
    writePrivateFile(file, made.bytes)
    const { keys, silent } = made
    const missing = made.missing.map((keyId) => text.wordsOfKey(toHex(keyId), names))
    if (mayHideKeys(silent)) {
      told.progress(`Keys that only these hold are NOT in it: ${silentWords(silent)}`)
    }
    if (missing.length > 0) {
      told.progress(`NOT in it, too few of their holders answer: ${missing.join(', ')}`)
      told.ended(EXIT.failed)
    }
    const mayLack = mayHideKeys(silent) ? silent.map(({ id }) => id) : []
    const view = { file, keys, bytes: made.bytes.length, mayLack, missing }
    show(view, options.output, text.backupText, told.out)
  })
}

export async function restoreCluster(
  told: Told,
  file: string,
  wanted: readonly string[],
  options: HeldOptions & { readonly shares: string; readonly check?: boolean },
): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { config, identity, groups, random } = cluster
    const { keys, recovery, operators, identity: of, at } = openBackup(backupBytes(file))
    if (!of.equals(identity)) {
      throw usage(
        'The backup is of another identity: limen custody init --from makes its cluster again',
      )
    }
    const ids = new Set(keys.map((key) => toHex(idOfBackedUp(key))))
    const only = new Map(wanted.map((key) => [toHex(idOf(key)), key]))
    for (const [id, key] of only) if (!ids.has(id)) throw usage(`The backup has no key ${key}`)
    // Before any share of an operator is looked at.
    const holding =
      options.check === true ? undefined : inDomains(config, holdingOf(config, options))
    const { lines, forget } = secretLines(options.shares)
    const recovered = await recover(checkRecoveryKey(recovery), operators, lines, random)
    forget()
    recovered.identity.fill(0)
    const done = await restoreKeys(
      {
        ...{ cluster: config.cluster, identity, groups, clock: systemClock, random, recovered },
        sign: changesOf(cluster).sign,
        to: placesOf(cluster, holding),
        only: only.size === 0 ? undefined : new Set(only.keys()),
        onKey: ({ label, outcome }, so, all) => {
          const known = readKeyLabel(label)
          const isThere = outcome === 'restored' || outcome === 'there'
          if (isThere && known !== undefined) addKeyName(config.names, known)
          told.progress(`${so} of ${all} keys`)
        },
      },
      keys,
    )
    const view = text.restoreView(at, done)
    show(view, options.output, text.restoreText, told.out)
    if (view.keys.some(({ outcome }) => outcome === 'failed' || outcome === 'other')) {
      told.ended(EXIT.failed)
    }
  })
}

/** undefined: the backup is only tried out. */
function placesOf({ client: { links } }: OpenCluster, holding: Holding | undefined) {
  return holding && { links, holding }
}
