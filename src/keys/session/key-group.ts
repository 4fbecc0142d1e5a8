/**
 * Which key group a host's sessions are of (LSK/1 section 1.9): the key server seals under it, an edge refuses tickets of
 * another.
 *
 * @module
 */

/** `hosts` in lower case, `*.example.org` for subdomains; empty: all that no other rule takes. */
export interface KeyGroupRule {
  readonly group: number
  readonly hosts: readonly string[]
}

/** @param host in lower case, without a port; undefined when no rule takes it */
export function keyGroupOf(rules: readonly KeyGroupRule[], host: string): number | undefined {
  const found =
    rules.find(({ hosts }) => hosts.some((pattern) => hostTakes(pattern, host))) ??
    rules.find(({ hosts }) => hosts.length === 0)
  return found?.group
}

/** `*.example.org` takes one label, as in certificates (RFC 6125 section 6.4.3). */
export function hostTakes(pattern: string, host: string): boolean {
  const name = pattern.toLowerCase()
  return name === host || (name.startsWith('*.') && host.slice(host.indexOf('.')) === name.slice(1))
}
