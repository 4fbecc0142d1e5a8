/**
 * Which nodes may hold shares of one key together (LCU/1, section 2.3): nodes that fail or fall together are a domain, no domain holds
 * enough shares to use the key, and without any one domain there are still enough. The rule holds at every moment of a move, too:
 * {@link mayMove}.
 *
 * @module
 */

/** What the rule is about: `holders` nodes have a share each, `threshold` of them can use the key. */
export interface Sharing {
  readonly holders: number
  readonly threshold: number
}

/** Shares that one domain may hold: fewer than the threshold, and no more than the key can do without. 0: it cannot be placed. */
export function domainLimit({ holders, threshold }: Sharing): number {
  return Math.max(0, Math.min(threshold - 1, holders - threshold))
}

/** @param domains of each node, by its index @param nodes distinct, by index */
export function isPlacement(
  domains: readonly string[],
  sharing: Sharing,
  nodes: readonly number[],
): boolean {
  if (nodes.length !== sharing.holders || new Set(nodes).size !== nodes.length) return false
  return mostInDomain(domains, nodes) <= domainLimit(sharing)
}

/** Whether there is any placement of such a key on these nodes, were there room everywhere. */
export function hasPlacement(domains: readonly string[], sharing: Sharing): boolean {
  const limit = domainLimit(sharing)
  const most = [...Map.groupBy(domains, (domain) => domain).values()].reduce(
    (sum, { length }) => sum + Math.min(length, limit),
    0,
  )
  return most >= sharing.holders
}

/**
 * Whether a key may go from some nodes to others at once. Both are placements, so one of the two can be used at any moment though a
 * domain dies; and while both hold shares, no domain has as many as the threshold, of whichever generation.
 */
export function mayMove(
  domains: readonly string[],
  sharing: Sharing,
  from: readonly number[],
  to: readonly number[],
): boolean {
  if (!isPlacement(domains, sharing, from) || !isPlacement(domains, sharing, to)) return false
  return mostInDomain(domains, [...new Set([...from, ...to])]) < sharing.threshold
}

function mostInDomain(domains: readonly string[], nodes: readonly number[]): number {
  const held = new Map<string, number>()
  let most = 0
  for (const node of nodes) {
    const domain = domains[node] ?? ''
    const count = (held.get(domain) ?? 0) + 1
    held.set(domain, count)
    most = Math.max(most, count)
  }
  return most
}
