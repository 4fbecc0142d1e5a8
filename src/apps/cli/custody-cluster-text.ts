/**
 * What the commands about a custody cluster print: views for JSON, and tables of these.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import { readKeyLabel } from '../../keys/custody/key-label.ts'
import type { ClusterConfig } from '../custody/cluster-config.ts'
import type { DrilledShare } from '../custody/drill.ts'
import type { Changed } from '../custody/drive-change.ts'
import type { KeyNames } from '../custody/key-names.ts'
import type { PlaceResult } from '../custody/place-job.ts'
import type { RestoredKey } from '../custody/restore.ts'
import type { MoveResult, NamedMove } from '../custody/run-moves.ts'
import type { Survey } from '../custody/survey-cluster.ts'
import { textTable } from './text-table.ts'

export interface KeyView {
  readonly keyId: string
  /** `USE/NAME@VERSION`, or nothing when it is not known here. */
  readonly name: string
  readonly generation: number
  readonly threshold: number
  readonly holders: readonly string[]
  readonly present: number
  /** Whether any one domain may die, and none has the key. */
  readonly isSafe: boolean
  /** Whether enough holders are there. */
  readonly isUsable: boolean
  /** Nodes that have another key of this name. */
  readonly others: readonly string[]
}

export interface StatusView {
  readonly cluster: string
  readonly nodes: Survey['nodes']
  readonly keys: readonly KeyView[]
  /** All nodes are there, all holders have their shares, and no name is that of two keys. */
  readonly isWhole: boolean
}

export function statusView(config: ClusterConfig, survey: Survey, names: KeyNames): StatusView {
  const { nodes, silent } = survey
  const ids = nodes.map(({ id }) => id)
  const domains = nodes.map(({ domain }) => domain)
  const found = survey.keys.map((key): KeyView => {
    const { generation, threshold, holders, present, others } = key
    const sharing = { holders: holders.length, threshold }
    const place = holders.map((one) => ids.indexOf(one))
    const isSafe = !place.includes(-1) && isPlacement(domains, sharing, place)
    const keyId = toHex(key.keyId)
    return {
      ...{ keyId, name: nameOf(keyId, names), generation, threshold, holders, present },
      ...{ isSafe, isUsable: present >= threshold, others },
    }
  })
  const missing = survey.missing.map(toHex).map(
    (keyId): KeyView => ({
      ...{ keyId, name: nameOf(keyId, names), generation: 0, threshold: 0, present: 0 },
      ...{ holders: [], isSafe: false, isUsable: false, others: [] },
    }),
  )
  const keys = [...found, ...missing]
  const isWhole =
    silent.length === 0 &&
    nodes.every(({ isAway }) => !isAway) &&
    keys.every(
      ({ present, holders, isUsable, others }) =>
        present === holders.length && isUsable && others.length === 0,
    )
  return { cluster: config.cluster, nodes, keys, isWhole }
}

export function statusText({ cluster, nodes, keys, isWhole }: StatusView): string {
  const head = ['NODE', 'DOMAIN', 'ADDRESS', 'STATE', 'RTT MS', 'SHARES']
  const rows = nodes.map(({ id, domain, address, isAway, rttMs, shares }) => [
    ...[id, domain, address, isAway ? 'away' : 'there'],
    ...[rttMs === undefined ? '' : rttMs.toFixed(1), shares],
  ])
  const lost = keys.filter(({ isUsable }) => !isUsable)
  const unsafe = keys.filter(({ isSafe, isUsable }) => isUsable && !isSafe).length
  const twice = keys.filter(({ others }) => others.length > 0)
  return [
    `Cluster ${cluster}: ${nodes.length} nodes, ${keys.length} keys`,
    textTable(head, rows, 'No nodes.'),
    ...(lost.length > 0
      ? [`${lost.length} keys CANNOT be used, too few holders are there: ${wordsOfKeys(lost)}`]
      : []),
    ...twice.map(
      (key) =>
        `TWO keys have the name ${wordsOfKeys([key])}, the other at ${key.others.join(', ')}: nothing changes them`,
    ),
    ...(unsafe > 0 ? [`${unsafe} keys would not outlive every domain: limen custody plan`] : []),
    isWhole ? 'Every holder of every key has its share' : 'NOT every holder of every key is there',
  ].join('\n')
}

export function keysText(keys: readonly KeyView[]): string {
  const head = ['KEY', 'NAME', 'GEN', 'T OF N', 'THERE', 'SAFE', 'HOLDERS']
  const rows = keys.map((key) => {
    const { keyId, name, generation, threshold, holders, present, isSafe, others } = key
    const isKnown = holders.length > 0
    return [
      ...[
        keyId,
        name,
        isKnown ? generation : '?',
        isKnown ? `${threshold} of ${holders.length}` : '?',
      ],
      ...[present, isSafe ? 'yes' : 'NO'],
      [...holders, ...others.map((id) => `${id} (another key)`)].join(',') || 'nobody answers',
    ]
  })
  return textTable(head, rows, 'No keys.')
}

export interface DrillView {
  readonly shares: number
  readonly good: number
  readonly faults: readonly {
    readonly keyId: string
    readonly name: string
    readonly node: string
    readonly fault: string
  }[]
  /** Ids of keys. */
  readonly repaired: readonly string[]
  /** Why others were not. */
  readonly unrepaired: readonly string[]
}

export function drillView(
  shares: readonly DrilledShare[],
  repaired: readonly string[],
  unrepaired: readonly string[],
  names: KeyNames,
): DrillView {
  const faults = shares.flatMap(({ keyId, node, fault }) => {
    const id = toHex(keyId)
    return fault === undefined ? [] : [{ keyId: id, name: nameOf(id, names), node, fault }]
  })
  return {
    shares: shares.length,
    good: shares.length - faults.length,
    faults,
    repaired,
    unrepaired,
  }
}

export function drillText({ shares, good, faults, repaired, unrepaired }: DrillView): string {
  const rows = faults.map(({ keyId, name, node, fault }) => [
    ...[node, fault, repaired.includes(keyId) ? 'yes' : 'no', keyId, name],
  ])
  return [
    `${good} of ${shares} shares are good`,
    ...(rows.length > 0 ? [textTable(['NODE', 'FAULT', 'REPAIRED', 'KEY', 'NAME'], rows, '')] : []),
    ...unrepaired,
  ].join('\n')
}

export interface ChangedView {
  readonly keyId: string
  readonly generation: number
  /** Hex, of keys that have one. */
  readonly publicKey: string | undefined
  readonly waiting: readonly string[]
}

export function changedView(changed: readonly Changed[]): readonly ChangedView[] {
  return changed.map(({ keyId, generation, publicKey, waiting }) => ({
    ...{ keyId: toHex(keyId), generation, waiting },
    publicKey: publicKey && toHex(publicKey),
  }))
}

export function changedText(changed: readonly ChangedView[]): string {
  const rows = changed.map(({ keyId, generation, publicKey = '', waiting }) => [
    ...[keyId, generation, waiting.join(',') || '-', publicKey],
  ])
  return textTable(['KEY', 'GEN', 'NOT YET AT', 'PUBLIC KEY'], rows, 'No key was changed.')
}

export interface DeletedView {
  readonly key: string
  readonly keyId: string
  readonly generation: number
  readonly holders: readonly string[]
  readonly deleted: boolean
  /** Nodes that were away: the same command again reaches them. */
  readonly waiting: readonly string[]
}

export function deletedText(view: DeletedView): string {
  const { key, keyId, generation, holders, deleted, waiting } = view
  if (!deleted) {
    const at = `generation ${generation} at ${holders.join(', ')}`
    return `${key} (${keyId}, ${at}) would be gone for good: --apply deletes it`
  }
  if (waiting.length === 0) return `${key} (${keyId}) is deleted at all nodes`
  return `${key} (${keyId}) is deleted, but NOT YET at ${waiting.join(', ')}: again when they are there`
}

export interface PlanView {
  readonly by: string
  readonly costMs: number
  readonly plannedCostMs: number
  readonly isWorthIt: boolean
  readonly nodes: readonly {
    readonly id: string
    readonly domain: string
    readonly shares: number
    readonly utilisation: number
  }[]
  readonly moves: readonly {
    readonly keyId: string
    readonly name: string
    readonly from: string
    readonly to: string
    readonly outcome: MoveResult['outcome'] | 'planned'
    readonly why: string | undefined
  }[]
}

export function planView(
  { plan, costMs, utilisation }: PlaceResult,
  moves: readonly NamedMove[],
  done: readonly MoveResult[] | undefined,
  names: KeyNames,
  { nodes }: Survey,
): PlanView {
  return {
    by: plan?.by ?? 'nobody',
    costMs,
    plannedCostMs: plan?.costMs ?? costMs,
    isWorthIt: plan?.isWorthIt ?? false,
    nodes: nodes.map(({ id, domain, shares }, i) => ({
      ...{ id, domain, shares, utilisation: utilisation[i] ?? 0 },
    })),
    moves: moves.map(({ keyId, from, to }, i) => {
      const id = toHex(keyId)
      const outcome = done?.[i]?.outcome ?? 'planned'
      return { keyId: id, name: nameOf(id, names), from, to, outcome, why: done?.[i]?.why }
    }),
  }
}

export function planText(view: PlanView): string {
  const { nodes, moves, costMs, plannedCostMs, isWorthIt, by } = view
  const load = nodes.map(({ id, domain, shares, utilisation }) => [
    ...[id, domain, shares, `${(100 * utilisation).toFixed(1)} %`],
  ])
  const rows = moves.map(({ from, to, outcome, why = '', keyId, name }) => [
    ...[from, to, outcome, keyId, name, why],
  ])
  const isDone = moves.some(({ outcome }) => outcome !== 'planned')
  const words = isWorthIt
    ? `${costMs.toFixed(3)} ms an operation, ${plannedCostMs.toFixed(3)} after these moves (${by})`
    : `${costMs.toFixed(3)} ms an operation: no moves are worth it (${by})`
  return [
    textTable(['NODE', 'DOMAIN', 'SHARES', 'LOAD'], load, 'No nodes.'),
    words,
    ...(isWorthIt
      ? [textTable(['FROM', 'TO', 'STATE', 'KEY', 'NAME', ''], rows, 'No moves.')]
      : []),
    ...(isWorthIt && !isDone ? ['Nothing was moved: --apply does it'] : []),
  ].join('\n')
}

export interface BackupView {
  readonly file: string
  readonly keys: number
  readonly bytes: number
  /** Nodes that were left out: keys that only they hold are not in it. */
  readonly mayLack: readonly string[]
  /** Keys that are known, and of which too few holders have answered. */
  readonly missing: readonly string[]
}

export function backupText({ file, keys, mayLack, missing }: BackupView): string {
  const lacks = [
    ...(mayLack.length > 0 ? [`keys that only ${mayLack.join(', ')} hold`] : []),
    ...missing,
  ]
  const words = `${keys} keys are in ${file}; only operators with their shares open it`
  return lacks.length === 0 ? words : `${words}. It is NOT all: without ${lacks.join(', ')}`
}

export interface RestoreView {
  readonly madeAt: string
  readonly keys: readonly {
    readonly keyId: string
    readonly name: string
    readonly outcome: RestoredKey['outcome']
    readonly why: string | undefined
  }[]
}

export function restoreView(at: number, keys: readonly RestoredKey[]): RestoreView {
  return {
    madeAt: new Date(at).toISOString(),
    keys: keys.map(({ keyId, label, outcome, why }) => {
      const known = readKeyLabel(label)
      return { keyId: toHex(keyId), name: known === undefined ? '' : wordsOf(known), outcome, why }
    }),
  }
}

export function restoreText({ madeAt, keys }: RestoreView): string {
  const rows = keys.map(({ keyId, name, outcome, why }) => [
    ...[outcome, keyId, name, why ?? WHYS[outcome] ?? ''],
  ])
  const failed = keys.filter(({ outcome }) => outcome === 'failed' || outcome === 'other')
  return [
    `Backup of ${madeAt}`,
    textTable(['STATE', 'KEY', 'NAME', ''], rows, 'No keys.'),
    ...(failed.length > 0 ? [`NOT restored: ${wordsOfKeys(failed)}`] : []),
  ].join('\n')
}

const WHYS: Readonly<Partial<Record<RestoredKey['outcome'], string>>> = {
  deleted: 'since the backup: name it to bring it back',
  other: 'the nodes have another key of this name: left alone',
}

/** Its name, or its id. */
export function wordsOfKey(keyId: string, names: KeyNames): string {
  return nameOf(keyId, names) || keyId
}

function wordsOfKeys(keys: readonly Pick<KeyView, 'keyId' | 'name'>[]): string {
  return keys.map(({ keyId, name }) => name || keyId).join(', ')
}

function nameOf(keyId: string, names: KeyNames): string {
  const label = names.get(keyId)
  return label === undefined ? '' : wordsOf(label)
}

function wordsOf({ use, name, version }: { use: string; name: string; version: number }): string {
  return `${use}/${name}@${version}`
}
