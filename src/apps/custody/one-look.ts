/**
 * The nodes of a cluster for one look at it: who has let one request go unanswered is not waited for again, however many keys there are.
 *
 * @module
 */
import { isSameOctets } from '../../crypto/prime-group.ts'
import type { KnownNode, NodeLinks } from './node-links.ts'

/** A refused connection takes no time, and may be asked again; this has been waited for. */
const WAITED_MS = 500

/** Not to be kept: a node that comes back is not seen. Closing is the caller's, of `links`. */
export function forOneLook(links: Pick<NodeLinks, 'nodes'>): NodeLinks {
  const nodes = links.nodes.map((node): KnownNode => {
    let isSilent = false
    return {
      ...node,
      async ask(...asked) {
        if (isSilent) return undefined
        const begun = performance.now()
        const answer = await node.ask(...asked)
        isSilent ||= answer === undefined && performance.now() - begun > WAITED_MS
        return answer
      },
    }
  })
  return {
    nodes,
    nodeOf: (id) => nodes.find(({ node }) => isSameOctets(node, id)),
    close: async () => undefined,
  }
}
