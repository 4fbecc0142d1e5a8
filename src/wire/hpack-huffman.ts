/**
 * The Huffman code of HPACK, RFC 7541 appendix B. It is canonical: the lengths alone determine it.
 *
 * @module
 */

/** Length in bits of the code of each octet, then of EOS (256). RFC 7541 appendix B. */
// biome-ignore format: the table of the standard, sixteen a line
export const HUFFMAN_LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]

const EOS = 256
const ROOT = 0

/** Canonical codes: ascending by length, then by symbol. */
function huffmanCodes(): Uint32Array {
  const codes = new Uint32Array(HUFFMAN_LENGTHS.length)
  let code = 0
  for (let length = 1; length <= 30; length++) {
    code *= 2
    HUFFMAN_LENGTHS.forEach((of, symbol) => {
      if (of === length) codes[symbol] = code++
    })
  }
  return codes
}

const CODES = huffmanCodes()

/**
 * The decoder as a machine that takes four bits a step: `STEPS[state * 16 + nibble]` is
 * next state | symbol << 16 | emits << 24 | fails << 25.
 */
const EMITS = 1 << 24
const FAILS = 1 << 25

function decodingMachine(): { steps: Uint32Array; accepts: Uint8Array } {
  // The code tree: children[2n] and children[2n + 1]; a leaf is -(symbol + 1).
  const children: number[] = [0, 0]
  const depthOfOnes = [0]
  HUFFMAN_LENGTHS.forEach((length, symbol) => {
    let node = ROOT
    for (let bit = length - 1; bit >= 0; bit--) {
      const side = ((CODES[symbol] as number) >>> bit) & 1
      const slot = node * 2 + side
      if (bit === 0) children[slot] = -(symbol + 1)
      else {
        if (children[slot] === 0) {
          children[slot] = children.length / 2
          const ones = depthOfOnes[node] ?? -1
          depthOfOnes.push(side === 1 && ones >= 0 ? ones + 1 : -1)
          children.push(0, 0)
        }
        node = children[slot] as number
      }
    }
  })
  const states = children.length / 2
  const steps = new Uint32Array(states * 16)
  for (let state = 0; state < states; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      steps[state * 16 + nibble] = stepOf(children, state, nibble)
    }
  }
  // Padding is the begin of EOS, all ones, shorter than 8 bits (section 5.2).
  const accepts = Uint8Array.from({ length: states }, (_, state) => {
    const ones = depthOfOnes[state] ?? -1
    return ones >= 0 && ones < 8 ? 1 : 0
  })
  return { steps, accepts }
}

function stepOf(children: readonly number[], state: number, nibble: number): number {
  let node = state
  let symbol = -1
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[node * 2 + ((nibble >> bit) & 1)] as number
    if (next < 0) {
      if (-next - 1 === EOS) return FAILS
      symbol = -next - 1
      node = ROOT
    } else node = next
  }
  return symbol < 0 ? node : node | (symbol << 16) | EMITS
}

const { steps: STEPS, accepts: ACCEPTS } = decodingMachine()

/**
 * Decodes `bytes[from..to)` into `out`.
 * @returns the number of octets written, -1 when the code or its padding is wrong, or `out` too small
 */
export function decodeHuffman(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
): number {
  let state = ROOT
  let length = 0
  for (let at = from; at < to; at++) {
    const octet = bytes[at] as number
    const high = STEPS[(state << 4) | (octet >> 4)] as number
    if (high >= FAILS || length + 2 > out.length) return -1
    if ((high & EMITS) !== 0) out[length++] = (high >> 16) & 255
    const low = STEPS[((high & 0xffff) << 4) | (octet & 15)] as number
    if (low >= FAILS) return -1
    if ((low & EMITS) !== 0) out[length++] = (low >> 16) & 255
    state = low & 0xffff
  }
  return ACCEPTS[state] === 1 ? length : -1
}

/** Octets that `text` (one character per octet) takes when coded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += HUFFMAN_LENGTHS[text.charCodeAt(i) & 255] as number
  return (bits + 7) >> 3
}

/** Encodes `text` to `out[at..)`, which has room for {@link huffmanLength}; returns one past the end. */
export function encodeHuffman(text: string, out: Uint8Array, at: number): number {
  let position = at
  let held = 0
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i) & 255
    let length = HUFFMAN_LENGTHS[octet] as number
    const code = CODES[octet] as number
    // At most 7 bits are held, a code has up to 30: in two parts they fit 32-bit arithmetic.
    if (length > 16) {
      held = (held << 8) | ((code >>> (length - 8)) & 255)
      length -= 8
      bits += 8
      while (bits >= 8) {
        bits -= 8
        out[position++] = (held >>> bits) & 255
      }
      held &= 127
    }
    held = (held << length) | (code & ((1 << length) - 1))
    bits += length
    while (bits >= 8) {
      bits -= 8
      out[position++] = (held >>> bits) & 255
    }
    held &= 127
  }
  if (bits > 0) out[position++] = ((held << (8 - bits)) | (255 >> bits)) & 255
  return position
}
