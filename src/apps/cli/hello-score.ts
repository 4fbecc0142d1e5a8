/**
 * `limen hello --score`: hellos through a fresh engine (`flows/score-hellos.ts`), all detectors in force, as if they came
 * to an edge one after the other. What a capture says of times and addresses holds; a file of bare bytes says neither:
 * such come a second apart, those of one name (before the number: `curl-001.bin`, `curl-002.bin`) from one address.
 *
 * @module
 */
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { FoundHello } from '../../flows/find-client-hellos.ts'
import { newHelloScoring, scoreHello } from '../../flows/score-hellos.ts'
import type { HelloDecision } from './hello-line.ts'
import { textTable } from './text-table.ts'

export interface HelloScorer {
  score(file: string, found: FoundHello): HelloDecision
  /** One line per profile, for a person. */
  summary(): string
}

interface Tally {
  readonly client: string
  hellos: number
  flagged: number
  /** Number of its first hello of tier 2 or 3. */
  first: number | undefined
  highest: number
  readonly codes: Set<string>
}

const SECOND_MS = 1000

export function newHelloScorer(): HelloScorer {
  const scoring = newHelloScoring(systemRandom())
  const tallies = new Map<string, Tally>()
  const addresses = new Map<string, string>()
  let now = 0

  const addressOf = (file: string): string => {
    const name = file.replace(/[-_.]?\d*\.bin(\.gz)?$/i, '')
    const known = addresses.get(name)
    if (known !== undefined) return known
    // 10.0.0.0/8 (RFC 1918): a network of its own for each of the first 65 536 names.
    const made = `10.${(addresses.size >> 8) & 255}.${addresses.size & 255}.1`
    addresses.set(name, made)
    return made
  }
  const tallyOf = (profile: string, client: string): Tally => {
    const known = tallies.get(profile)
    if (known !== undefined) return known
    const made = {
      client,
      hellos: 0,
      flagged: 0,
      first: undefined,
      highest: 0,
      codes: new Set<string>(),
    }
    tallies.set(profile, made)
    return made
  }

  return {
    score(file, { hello, error, source, sourcePort, destination, destinationPort, at }) {
      // Captures are not always in order, and time must not go back.
      now = Math.max(now + (at > 0 ? 0 : SECOND_MS), at)
      const seen =
        error === undefined
          ? ({ kind: 'hello', hello } as const)
          : ({ kind: 'error', code: error, hello } as const)
      const remoteAddress = source === '' ? addressOf(file) : source
      // Files of bare bytes do not say whose hello follows whose.
      const conversation =
        source === ''
          ? {}
          : {
              conversation: `${source} ${sourcePort} ${destination} ${destinationPort}`,
              capturedAt: at,
            }
      const decision = scoreHello(scoring, {
        ...{ at: now, remoteAddress, remotePort: sourcePort, seen },
        ...conversation,
      })
      const { profile = '', score, tier, reasons } = decision
      const tally = tallyOf(profile, decision.handshake?.client ?? '')
      tally.hellos++
      tally.highest = Math.max(tally.highest, score)
      if (tier > 1) {
        tally.flagged++
        tally.first ??= tally.hellos
      }
      for (const { code, weight } of reasons) if (weight > 0) tally.codes.add(code)
      return { profile, score, tier, reasons }
    },
    summary: () =>
      textTable(
        ['PROFILE', 'CLIENT', 'HELLOS', 'FLAGGED', 'FIRST', 'HIGHEST', 'REASONS'],
        [...tallies].map(([profile, tally]) => [
          profile,
          tally.client || '-',
          tally.hellos,
          tally.flagged,
          tally.first ?? '-',
          tally.highest.toFixed(2),
          [...tally.codes].join(' ') || '-',
        ]),
        'No hellos.',
      ),
  }
}
