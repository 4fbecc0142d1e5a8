/**
 * What the commands of `custody-cluster-commands.ts` do. Results go to `out`, as text or one JSON document; how far long work has come goes to
 * `progress`, which is standard error.
 *
 * @module
 */
import { join } from 'node:path'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { BACKUP_BYTES_MAX } from '../../wire/custody-backup.ts'
import { readClusterConfig } from '../custody/cluster-config.ts'
import { readDemand } from '../custody/demand-file.ts'
import { type DrilledShare, drillKey, repair } from '../custody/drill.ts'
import type { Changed } from '../custody/drive-change.ts'
import { usable } from '../custody/key-manifests.ts'
import { addKeyName, dropKeyName, type KeyNames, readKeyNames } from '../custody/key-names.ts'
import {
  keysOf,
  missingOf,
  type SilentNode,
  silentOf,
  silentWords,
} from '../custody/listed-keys.ts'
import { makeCluster, SHARES_FILE } from '../custody/make-cluster.ts'
import type { NodeLinks } from '../custody/node-links.ts'
import { forOneLook } from '../custody/one-look.ts'
import { changesOf, type OpenCluster, openCluster } from '../custody/open-cluster.ts'
import { DEMANDED } from '../custody/operation-costs.ts'
import { placeInThread } from '../custody/place-in-thread.ts'
import { checkRecoveryKey, linesOf, recover } from '../custody/recovery-key.ts'
import { openBackup } from '../custody/restore.ts'
import { runMoves } from '../custody/run-moves.ts'
import { countable, domainOf, type Survey, surveyCluster } from '../custody/survey-cluster.ts'
import { show } from './asking.ts'
import * as text from './custody-cluster-text.ts'
import { readSecretFile } from './custody-secret-file.ts'
import { holdingOf, inDomains, labelOf, newNodes, usage, wholeNumber } from './custody-words.ts'
import { EXIT } from './exit-code.ts'

/** Where commands print. */
export interface Told {
  out(text: string): void
  progress(text: string): void
  ended(code: number): void
}

export interface ClusterOptions {
  readonly config: string
  readonly output: 'text' | 'json'
}
export interface HeldOptions extends ClusterOptions {
  readonly threshold?: string
  readonly nodes?: string
}
interface InitOptions {
  readonly cluster: string
  readonly node: readonly string[]
  readonly threshold: string
  readonly operators: string
  readonly operatorsNeeded: string
  readonly from?: string
  readonly shares?: string
}

/** The solver's time: with 200 keys at 12 nodes it takes 0.2 s (`docs/decisions/0019-custody-arithmetic.md`). */
const SOLVE_S = 30

export async function initCluster(told: Told, folder: string, options: InitOptions): Promise<void> {
  const { cluster, from } = options
  if (!/^[a-z0-9-]{1,63}$/.test(cluster)) throw usage('--cluster is a name of a-z, 0-9 and "-"')
  const random = systemRandom()
  const made = newNodes(options.node, options.threshold)
  const world = { folder, cluster, ...made, clock: systemClock, random }
  if (from === undefined) {
    const operators = wholeNumber('--operators', options.operators, 2, 255)
    const operatorsNeeded = wholeNumber('--operators-needed', options.operatorsNeeded, 2, operators)
    await makeCluster({ ...world, from: { kind: 'new', operators, operatorsNeeded } })
    const shares = join(folder, SHARES_FILE)
    told.out(`Hand out the ${operators} lines of ${shares}, one to each operator, and remove it`)
  } else {
    if (options.shares === undefined) throw usage('--from needs --shares')
    const backup = openBackup(backupBytes(from))
    const { recovery, operators } = backup
    const lines = secretLines(options.shares)
    const recovered = await recover(checkRecoveryKey(recovery), operators, lines.lines, random)
    lines.forget()
    const { identity, holders } = recovered
    await makeCluster({ ...world, from: { kind: 'backup', identity, recovery, operators } })
    for (const secret of [identity, ...holders]) secret.fill(0)
  }
  told.out(
    `Take each folder in ${join(folder, 'nodes')} to its machine, and run: limen custody-node -c node.yaml`,
  )
  told.out(
    `Keep ${join(folder, 'authority.key')} and ${join(folder, 'identity.key')} where only a custodian is`,
  )
}

export async function showStatus(told: Told, options: ClusterOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { survey, names } = await surveyed(told, cluster)
    const view = text.statusView(cluster.config, survey, names)
    show(view, options.output, text.statusText, told.out)
    if (!view.isWhole) told.ended(EXIT.failed)
  })
}

export async function listKeys(told: Told, options: ClusterOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { survey, names } = await surveyed(told, cluster)
    const view = text.statusView(cluster.config, survey, names)
    show(view.keys, options.output, text.keysText, told.out)
    if (!view.isWhole) told.ended(EXIT.failed)
  })
}

export async function makeKey(told: Told, key: string, options: HeldOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const label = labelOf(key)
    if (!['sign', 'open', 'derive'].includes(label.use)) {
      throw usage(`A key to ${label.use} is brought in: limen custody keys bring`)
    }
    const changed = await changesOf(cluster).driver.make(
      label,
      inDomains(cluster.config, holdingOf(cluster.config, options)),
    )
    addKeyName(cluster.config.names, label)
    showChanged(told, options, [changed])
  })
}

export async function bringKey(told: Told, key: string, file: string, options: HeldOptions) {
  await withCluster(options, async (cluster) => {
    const label = labelOf(key)
    if (['sign', 'open', 'derive'].includes(label.use)) {
      throw usage(`A key to ${label.use} is made by its holders: limen custody keys make`)
    }
    const secret = readSecretFile(file, label.use)
    try {
      const holding = inDomains(cluster.config, holdingOf(cluster.config, options))
      const changed = await changesOf(cluster).driver.bring(label, secret, holding)
      addKeyName(cluster.config.names, label)
      showChanged(told, options, [changed])
    } finally {
      secret.fill(0)
    }
  })
}

export async function deleteKey(
  told: Told,
  key: string,
  options: ClusterOptions & { readonly apply?: boolean; readonly in: string },
): Promise<void> {
  const waitS = wholeNumber('--in', options.in, 0, 999)
  await withCluster(options, async (cluster) => {
    const keyId = idOf(key)
    if (options.apply !== true) await lookedUp(told, cluster, key)
    const known = await cluster.client.manifests.read(keyId)
    const { links } = cluster.client
    const holders = known?.manifest.holders ?? []
    const view = {
      ...{ key, keyId: toHex(keyId), generation: known?.manifest.generation ?? 0 },
      holders: holders.map(({ node }) => links.nodeOf(node)?.id ?? toHex(node)).sort(),
    }
    if (options.apply !== true) {
      show({ ...view, deleted: false, waiting: [] }, options.output, text.deletedText, told.out)
      return
    }
    const { driver } = changesOf(cluster)
    if (waitS > 0) told.progress(`${key} is deleted in ${waitS} s: end this command to keep it`)
    await new Promise((resolve) => setTimeout(resolve, waitS * 1000))
    const { waiting } = await driver.delete(keyId)
    dropKeyName(cluster.config.names, keyId)
    show({ ...view, deleted: true, waiting }, options.output, text.deletedText, told.out)
    if (waiting.length > 0) told.ended(EXIT.failed)
  })
}

export async function drillKeys(
  told: Told,
  key: string | undefined,
  options: ClusterOptions & { readonly repair?: boolean },
): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { client, groups, random } = cluster
    const { ids, links } = await lookedUp(told, cluster, key)
    const { manifests } = client
    const world = { links, manifests, groups, random }
    const shares: DrilledShare[] = []
    const repaired: string[] = []
    const unrepaired: string[] = []
    for (const [i, keyId] of ids.entries()) {
      const found = await drillKey(world, keyId)
      shares.push(...found)
      if (found.length === 0) tellMissing(told, cluster, await missingOf(manifests, links, [keyId]))
      const isBad = found.some(({ fault }) => fault !== undefined)
      if (isBad && options.repair === true) {
        const why = await repair(changesOf(cluster).driver, found).then(
          () => undefined,
          (error: Error) => error.message,
        )
        if (why === undefined) repaired.push(toHex(keyId))
        else unrepaired.push(why)
      }
      told.progress(`${i + 1} of ${ids.length} keys drilled`)
    }
    const view = text.drillView(shares, repaired, unrepaired, namesOf(cluster))
    show(view, options.output, text.drillText, told.out)
    const isGood = view.faults.every(({ keyId }) => repaired.includes(keyId))
    if (!isGood) told.ended(EXIT.failed)
  })
}

export async function refreshKeys(told: Told, key: string | undefined, options: ClusterOptions) {
  await withCluster(options, async (cluster) => {
    const { driver } = changesOf(cluster)
    const { ids } = await lookedUp(told, cluster, key)
    await changeAll(told, options, ids, (keyId) => driver.reshare(keyId))
  })
}

export async function reshareKey(told: Told, key: string, options: HeldOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const holding = inDomains(cluster.config, holdingOf(cluster.config, options))
    await lookedUp(told, cluster, key)
    const changed = await changesOf(cluster).driver.reshare(idOf(key), holding)
    showChanged(told, options, [changed])
  })
}

export async function replaceNode(told: Told, node: string, by: string, options: ClusterOptions) {
  await withCluster(options, async (cluster) => {
    const { config } = cluster
    for (const one of [node, by]) {
      if (!config.nodes.some(({ id }) => id === one)) throw usage(`There is no node ${one}`)
    }
    const { driver } = changesOf(cluster)
    const { keys } = (await surveyed(told, cluster, [node])).survey
    const held = keys.filter(({ holders }) => holders.includes(node) && !holders.includes(by))
    const holdings = new Map(
      held.map(({ keyId, threshold, holders }) => [
        toHex(keyId),
        inDomains(config, {
          threshold,
          nodes: holders.map((one) => (one === node ? by : one)),
        }),
      ]),
    )
    const ids = held.map(({ keyId }) => keyId)
    await changeAll(told, options, ids, (keyId) =>
      driver.reshare(keyId, holdings.get(toHex(keyId)), [node]),
    )
  })
}

export async function planShares(
  told: Told,
  options: ClusterOptions & { readonly demand?: string; readonly apply?: boolean },
): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { config, client } = cluster
    const { survey, names } = await surveyed(told, cluster)
    const demand = options.demand === undefined ? undefined : readDemand(options.demand)
    // Not known: all keys alike, so that shares are spread evenly.
    const evenly = DEMANDED.map((_, i) => (i === 0 ? 1 : 0))
    const perS = (keyId: Uint8Array): readonly number[] => demand?.get(toHex(keyId)) ?? evenly
    const { nodes, demands, current, keys, ids } = countable(config, survey, perS)
    const { movesMax, moveMs } = config.placement
    const moving = { movesMax, moveMs, solveS: SOLVE_S }
    const result = await placeInThread({ nodes, demands, current, moving })
    const moves = (result.plan?.moves ?? []).flatMap(({ key, from, to }) => {
      const [keyId, a, b] = [keys[key]?.keyId, ids[from], ids[to]]
      return keyId && a !== undefined && b !== undefined ? [{ keyId, from: a, to: b }] : []
    })
    const isWanted = options.apply === true && result.plan?.isWorthIt === true
    const done = isWanted
      ? await runMoves(
          {
            ...{ links: client.links, manifests: client.manifests },
            driver: changesOf(cluster).driver,
            domainOf: (id) =>
              domainOf(config.nodes.find((one) => one.id === id) ?? { id, domain: undefined }),
            onMove: (_, so, all) => told.progress(`${so} of ${all} moves made`),
          },
          moves,
        )
      : undefined
    const view = text.planView(result, moves, done, names, survey)
    show(view, options.output, text.planText, told.out)
    if (view.moves.some(({ outcome }) => outcome !== 'planned' && outcome !== 'moved')) {
      told.ended(EXIT.failed)
    }
  })
}

export async function withCluster(
  { config: path, output }: ClusterOptions,
  work: (cluster: OpenCluster) => Promise<void>,
): Promise<void> {
  if (output !== 'text' && output !== 'json') throw usage(`-o takes text or json, not ${output}`)
  const cluster = await openCluster(readClusterConfig(path))
  try {
    await work(cluster)
  } finally {
    await cluster.close()
  }
}

async function changeAll(
  told: Told,
  options: ClusterOptions,
  ids: readonly Uint8Array[],
  change: (keyId: Uint8Array) => Promise<Changed>,
): Promise<void> {
  const changed: Changed[] = []
  const failed: string[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let keyId = ids[next++]; keyId !== undefined; keyId = ids[next++]) {
      try {
        changed.push(await change(keyId))
      } catch (error) {
        failed.push((error as Error).message)
      }
      told.progress(`${changed.length + failed.length} of ${ids.length} keys changed`)
    }
  }
  // Each waits for the grace of its old generation; nodes are busy with few at once.
  await Promise.all(Array.from({ length: CHANGES_AT_ONCE }, worker))
  for (const why of failed) told.progress(why)
  showChanged(told, options, changed)
  if (failed.length > 0) told.ended(EXIT.failed)
}

const CHANGES_AT_ONCE = 8

function showChanged(told: Told, { output }: ClusterOptions, changed: readonly Changed[]): void {
  show(text.changedView(changed), output, text.changedText, told.out)
  if (changed.some(({ waiting }) => waiting.length > 0)) told.ended(EXIT.failed)
}

export function namesOf({ config }: OpenCluster): KeyNames {
  return readKeyNames(config.names)
}

/** @param gone nodes that need not be there */
async function surveyed(
  told: Told,
  cluster: OpenCluster,
  gone: readonly string[] = [],
): Promise<{ readonly survey: Survey; readonly names: KeyNames }> {
  const names = namesOf(cluster)
  const named = [...names.keys()].map(fromHex)
  const survey = await surveyCluster(cluster.config, cluster.client, named)
  const silent = survey.silent.filter(({ id }) => !gone.includes(id))
  tellSilent(told, silent)
  tellMissing(told, cluster, survey.missing)
  return { survey, names }
}

function tellSilent(told: Told, silent: readonly SilentNode[]): void {
  if (silent.length === 0) return
  told.progress(`Not looked at, they do not answer: ${silentWords(silent)}`)
  told.ended(EXIT.failed)
}

function tellMissing(told: Told, cluster: OpenCluster, missing: readonly Uint8Array[]): void {
  if (missing.length === 0) return
  const names = namesOf(cluster)
  const keys = missing.map((keyId) => text.wordsOfKey(toHex(keyId), names))
  told.progress(`No node that answers has a share of ${keys.join(', ')}`)
  told.ended(EXIT.failed)
}

/** One key, or all there are, and the nodes to ask about them. @throws LimenError `usage`, `custody-key-unknown`: no node that answers has it */
async function lookedUp(
  told: Told,
  cluster: OpenCluster,
  key: string | undefined,
): Promise<{ readonly ids: readonly Uint8Array[]; readonly links: NodeLinks }> {
  const { client } = cluster
  const links = forOneLook(client.links)
  if (key === undefined) {
    const { ids, silent } = await keysOf(links)
    tellSilent(told, silent)
    const listed = new Set(ids.map(toHex))
    const unlisted = [...namesOf(cluster).keys()].filter((id) => !listed.has(id)).map(fromHex)
    tellMissing(told, cluster, await missingOf(client.manifests, links, unlisted))
    return { ids, links }
  }
  const keyId = idOf(key)
  const states = await client.manifests.states(keyId, links.nodes)
  if (usable(states) !== undefined) return { ids: [keyId], links }
  const silent = silentOf(states, links.nodes)
  if (silent.length === 0) throw usage(`There is no key ${key}`)
  const words = `No node that answers has ${key}, and ${silent.join(', ')} did not answer`
  throw new LimenError('custody-key-unknown', words, { side: 'upstream', retry: true })
}

export function idOf(key: string): Uint8Array {
  return /^[0-9a-f]{32}$/.test(key) ? fromHex(key) : keyIdOf(writeKeyLabel(labelOf(key)))
}

/** Lines of a file that the owner alone may read from then on. */
export function secretLines(path: string): { lines: Uint8Array[]; forget: () => void } {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) throw usage(`There is no ${path}`)
  return { lines: linesOf(bytes), forget: () => void bytes.fill(0) }
}

export function backupBytes(path: string): Uint8Array {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) throw usage(`There is no ${path}`)
  if (bytes.length > BACKUP_BYTES_MAX) throw usage(`${path} is too long for a backup`)
  return new Uint8Array(bytes)
}
