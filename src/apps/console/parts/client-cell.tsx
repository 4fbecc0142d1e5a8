/**
 * Who a client seems to be: the guess as a link to the decision, and the fingerprint below it.
 *
 * @module
 */
import type { HandshakeView } from '../../../behavior/decision.ts'

export function ClientCell(props: {
  readonly handshake: HandshakeView | undefined
  readonly href: string
}) {
  const { handshake, href } = props
  const name = handshake === undefined ? 'Plain HTTP' : handshake.client || 'Unknown client'
  return (
    <>
      <a class={`row-link${handshake?.client ? '' : ' unnamed'}`} href={href}>
        {name}
      </a>
      <code class="second-line">{handshake?.ja4 ?? 'no handshake'}</code>
    </>
  )
}
