/**
 * `limen custody unseal DOOR`: gives operators' shares to a sealed node, at its socket. Shares are read from standard input, one a line: no command line
 * shows them.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'
import { linesOf } from '../custody/recovery-key.ts'
import { giveShare } from '../custody/unseal-door.ts'
import { EXIT } from './exit-code.ts'

/** Of 255 operators. */
const SHARES_BYTES_MAX = 1 << 16
const NEWLINE = 0x0a

/** Resolves with the exit code. @throws LimenError `custody-door`, `usage` */
export async function unsealNode(
  door: string,
  input: AsyncIterable<Buffer>,
  out: (text: string) => void,
): Promise<number> {
  const whole = Buffer.alloc(SHARES_BYTES_MAX)
  let length = 0
  let code: number = EXIT.done
  let isGiven = false
  /** Whether it is unsealed. */
  const give = async (lines: Uint8Array): Promise<boolean> => {
    for (const line of linesOf(lines)) {
      const answer = await giveShare(door, line)
      isGiven = true
      out(wordsOf(answer))
      if (answer.kind === 'refused') code = EXIT.failed
      if (answer.kind === 'unsealed') return true
    }
    return false
  }
  try {
    for await (const piece of input) {
      if (length + piece.length > SHARES_BYTES_MAX) throw tooLong()
      length += piece.copy(whole, length)
      piece.fill(0)
      const end = whole.lastIndexOf(NEWLINE, length - 1)
      // Typed lines are given one by one.
      if (await give(whole.subarray(0, end + 1))) return code
      whole.copyWithin(0, end + 1, length)
      length -= end + 1
    }
    // A last line may have no end.
    await give(whole.subarray(0, length))
    if (!isGiven) throw noShare()
    return code
  } finally {
    whole.fill(0)
  }
}

function wordsOf({ kind, missing, code }: Awaited<ReturnType<typeof giveShare>>): string {
  if (kind === 'unsealed') return 'It is unsealed'
  return kind === 'sealed' ? `Taken: ${missing} more are needed` : `Refused: ${code}`
}

function noShare(): LimenError {
  const text = 'Standard input has no share: give one a line'
  return new LimenError('usage', text, { side: 'operator', retry: false })
}

function tooLong(): LimenError {
  const text = 'Standard input is longer than shares are'
  return new LimenError('usage', text, { side: 'operator', retry: false })
}
