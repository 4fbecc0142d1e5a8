/**
 * One captured request, as its server got it but for credentials. Asked for once: each reading is written down.
 *
 * @module
 */
import { useEffect, useState } from 'preact/hooks'
import type { CaptureView } from '../api/people.ts'
import { getJson, type Outcome } from '../api/request.ts'
import { formatBytes, formatMoment, formatScore, text } from '../format.ts'
import { useSession } from '../session.tsx'
import { Fact } from './decision-panel.tsx'
import { Drawer } from './drawer.tsx'
import { Pending } from './notice.tsx'

export function CapturePanel(props: { readonly id: string; onClose(): void }) {
  const { id, onClose } = props
  const session = useSession()
  const [outcome, setOutcome] = useState<Outcome<CaptureView> | undefined>(undefined)
  // After a sign-in it is asked again.
  useEffect(() => {
    let isGone = false
    void getJson<CaptureView>(`v1/captures/${id}`).then((answer) => {
      if (!isGone) setOutcome(answer)
    })
    return () => {
      isGone = true
    }
  }, [id, session.count])
  return (
    <Drawer title="This request" onClose={onClose}>
      {outcome?.kind === 'ok' ? (
        <Shown capture={outcome.value} />
      ) : (
        <Pending failure={outcome?.failure} />
      )}
    </Drawer>
  )
}

function Shown(props: { readonly capture: CaptureView }) {
  const { capture } = props
  const { method, target, protocol, fields, body, bodyBytes, keptBytes } = capture
  const head = [`${method} ${target} ${protocol}`, ...fields.map(fieldLine)].join('\n')
  const kept = bodyBytes === keptBytes ? 'all of it' : `the first ${text(formatBytes(keptBytes))}`
  return (
    <>
      <dl class="facts">
        <Fact name="At" value={formatMoment(capture.at)} />
        <Fact name="From" value={capture.client.address} code />
        <Fact name="Session" value={capture.session} code />
        <Fact name="Person" value={capture.person || 'nobody has said'} code />
        <Fact name="Score" value={formatScore(capture.score)} />
        <Fact name="Reasons" value={capture.reasons.join(', ') || 'none'} code />
        <Fact name="Answered" value={capture.status === 0 ? 'no' : String(capture.status)} />
        <Fact name="Came whole" value={capture.isWhole ? 'yes' : 'no'} />
      </dl>
      <h3>Head</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways */}
      <pre class="octets" tabIndex={0}>
        {head}
      </pre>
      {bodyBytes > 0 && (
        <>
          <h3>
            Body, {text(formatBytes(bodyBytes))}, {kept}
          </h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways */}
          <pre class="octets" tabIndex={0}>
            {visible(body)}
          </pre>
        </>
      )}
    </>
  )
}

function fieldLine({ name, value }: { readonly name: string; readonly value: string }): string {
  return `${name}: ${value}`
}

/** Base64 of octets as text: what is none shows as the replacement character. */
function visible(base64: string): string {
  const octets = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  return new TextDecoder().decode(octets)
}
