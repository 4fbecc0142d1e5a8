/**
 * Clients that are alike, found as they come: k-prototypes (Huang, "Extensions to the k-Means Algorithm for
 * Clustering Large Data Sets with Categorical Values", 1998) one at a time, with Gower's distance (1971).
 * A client is a point of numbers in [0, 1] and of words; what the words mean is the caller's business.
 *
 * @module
 */

/** What clients are compared by. All clients of one clustering have the same number of both. */
export interface ClientTraits {
  /** In [0, 1]. */
  readonly numbers: readonly number[]
  readonly words: readonly string[]
}

export interface ClientClustersOptions {
  /** At most this many; then the nearest takes every newcomer, and the least used may be replaced. */
  readonly clustersMax: number
  /** Mean distance per trait from which a client opens a cluster of its own, 0 to 1. */
  readonly distanceMax: number
  /** Words a prototype counts per trait; rarer ones are dropped. */
  readonly wordsMax: number
}

export const CLIENT_CLUSTERS_DEFAULTS: ClientClustersOptions = {
  // A site meets a dozen kinds of software; twice that leaves room for their versions.
  clustersMax: 24,
  // Less than a quarter of the traits apart: another version of the same software, or other settings.
  distanceMax: 0.25,
  wordsMax: 8,
}

interface Cluster {
  /** Members seen, fading: beyond this many the mean moves by 1 / MEMBERS_MAX per member. */
  members: number
  lastMet: number
  readonly means: number[]
  readonly words: Map<string, number>[]
}

/** The memory of a mean, in clients: so that a cluster follows its clients to new versions. */
const MEMBERS_MAX = 1000

export class ClientClusters {
  readonly #options: ClientClustersOptions
  readonly #clusters: Cluster[] = []
  #met = 0

  constructor(options: ClientClustersOptions = CLIENT_CLUSTERS_DEFAULTS) {
    this.#options = options
  }

  get size(): number {
    return this.#clusters.length
  }

  /**
   * Puts a client into a cluster, which learns from it.
   *
   * @returns the cluster's index, which stays; `replaced` when it means other clients from now on
   */
  meet(traits: ClientTraits): { readonly cluster: number; readonly replaced: boolean } {
    this.#met++
    const nearest = this.#nearest(traits)
    if (nearest !== undefined && nearest.distance <= this.#options.distanceMax) {
      this.#learn(this.#clusters[nearest.index] as Cluster, traits)
      return { cluster: nearest.index, replaced: false }
    }
    if (this.#clusters.length < this.#options.clustersMax) {
      this.#clusters.push(newCluster(traits, this.#met))
      return { cluster: this.#clusters.length - 1, replaced: false }
    }
    const least = this.#leastUsed()
    const idle = this.#met - (this.#clusters[least] as Cluster).lastMet
    // A stranger replaces nobody who was here lately: cycling through traits must not wipe what was learned.
    if (idle < MEMBERS_MAX && nearest !== undefined)
      return { cluster: nearest.index, replaced: false }
    this.#clusters[least] = newCluster(traits, this.#met)
    return { cluster: least, replaced: true }
  }

  #nearest(traits: ClientTraits): { index: number; distance: number } | undefined {
    let nearest: { index: number; distance: number } | undefined
    for (const [index, cluster] of this.#clusters.entries()) {
      const distance = distanceTo(cluster, traits)
      if (nearest === undefined || distance < nearest.distance) nearest = { index, distance }
    }
    return nearest
  }

  #leastUsed(): number {
    let least = 0
    for (const [index, { lastMet }] of this.#clusters.entries()) {
      if (lastMet < (this.#clusters[least] as Cluster).lastMet) least = index
    }
    return least
  }

  #learn(cluster: Cluster, { numbers, words }: ClientTraits): void {
    cluster.lastMet = this.#met
    cluster.members = Math.min(cluster.members + 1, MEMBERS_MAX)
    for (const [i, value] of numbers.entries()) {
      const mean = cluster.means[i] ?? value
      cluster.means[i] = mean + (value - mean) / cluster.members
    }
    for (const [i, word] of words.entries()) {
      const counts = cluster.words[i]
      if (counts !== undefined) count(counts, word, this.#options.wordsMax)
    }
  }
}

function newCluster({ numbers, words }: ClientTraits, met: number): Cluster {
  return {
    members: 1,
    lastMet: met,
    means: [...numbers],
    words: words.map((word) => new Map([[word, 1]])),
  }
}

/** Misra-Gries (1982): the frequent words in a bounded map. */
function count(counts: Map<string, number>, word: string, wordsMax: number): void {
  const known = counts.get(word)
  if (known !== undefined) counts.set(word, Math.min(known + 1, MEMBERS_MAX))
  else if (counts.size < wordsMax) counts.set(word, 1)
  else {
    for (const [other, times] of counts) {
      if (times <= 1) counts.delete(other)
      else counts.set(other, times - 1)
    }
  }
}

/** Mean over the traits: the difference of numbers; how unusual a word is in the cluster. */
function distanceTo(cluster: Cluster, { numbers, words }: ClientTraits): number {
  let sum = 0
  for (const [i, value] of numbers.entries()) sum += Math.abs(value - (cluster.means[i] ?? value))
  for (const [i, word] of words.entries()) {
    const counts = cluster.words[i]
    let most = 0
    for (const times of counts?.values() ?? []) most = Math.max(most, times)
    sum += most === 0 ? 0 : 1 - (counts?.get(word) ?? 0) / most
  }
  return sum / Math.max(1, numbers.length + words.length)
}
