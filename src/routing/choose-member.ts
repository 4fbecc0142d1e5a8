/**
 * Which member of a handshake pool shakes hands with a client (seed 10122689: chosen at random, or by where it is).
 * Pure: members and a drawn number in, a member out. Not here: whether a member is well.
 *
 * @module
 */

/** What a choice is made from: see `HandshakeMemberSettings`. */
export interface PoolMember {
  readonly id: string
  readonly region: string
}

/**
 * Picks one at random; with `region` one of that region when there is any. '' for a pool without members.
 *
 * @param fraction drawn evenly from [0, 1)
 */
export function chooseMember(
  members: readonly PoolMember[],
  region: string | undefined,
  fraction: number,
): string {
  let near = 0
  if (region !== undefined) for (const member of members) if (member.region === region) near++
  const count = near > 0 ? near : members.length
  let left = Math.min(count - 1, Math.floor(fraction * count))
  for (const member of members) {
    if (near > 0 && member.region !== region) continue
    if (left-- === 0) return member.id
  }
  return ''
}
