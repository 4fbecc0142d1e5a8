/**
 * Opens and seals bodies under the body keys of sessions (LSK/1 section 1.7), for an edge worker.
 *
 * @module
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { BodySealing } from '../../adapters/edge/body-sealing.ts'
import { SealedBodyOpener, SealedBodySealer } from '../../adapters/node/sealed-body.ts'
import type { Random } from '../../ground/random.ts'
import { bodyInfo, bodyKeyId } from '../../keys/session/key-schedule.ts'
import type { KnownSession } from '../../keys/session/validate-request.ts'
import { SALT_BYTES } from '../../wire/sealed-body.ts'

const KEYING_BYTES = 32

export class SessionSealing {
  readonly #random: Random
  /** As long as the validator remembers the ticket. */
  readonly #known = new WeakMap<KnownSession<unknown>, BodySealing>()

  constructor(random: Random) {
    this.#random = random
  }

  of(session: KnownSession<unknown>): BodySealing {
    const known = this.#known.get(session)
    if (known !== undefined) return known
    const { sessionId, generation, bodyKey } = session.ticket
    const keyId = bodyKeyId(sessionId, generation)
    let incoming: KeyObject | undefined
    let outgoing: KeyObject | undefined
    const sealing: BodySealing = {
      opener: () => {
        incoming ??= keyingMaterial(bodyKey, 'c2s')
        return new SealedBodyOpener(incoming, keyId)
      },
      sealer: () => {
        outgoing ??= keyingMaterial(bodyKey, 's2c')
        return new SealedBodySealer(outgoing, keyId, this.#random.bytes(SALT_BYTES))
      },
    }
    this.#known.set(session, sealing)
    return sealing
  }
}

function keyingMaterial(bodyKey: Uint8Array, direction: 'c2s' | 's2c'): KeyObject {
  const bytes = new Uint8Array(
    hkdfSync('sha256', bodyKey, new Uint8Array(0), bodyInfo(direction), KEYING_BYTES),
  )
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
