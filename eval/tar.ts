/**
 * Files of a tar archive (POSIX.1-1988 "ustar", and GNU's variant of its magic), out of memory. Only plain files and
 * folders: archives with links, devices or long names are refused.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 100 | name, NUL-padded |
 * | 124 | 12 | size, octal |
 * | 148 | 8 | sum of the header's bytes with this field as blanks, octal |
 * | 156 | 1 | type: `0` or NUL a file, `5` a folder, `x` and `g` attributes (skipped) |
 * | 257 | 5 | `ustar` |
 * | 345 | 155 | what stands before the name |
 *
 * @module
 */

export interface TarFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** @throws {TypeError} at what is no such archive; nothing is yielded after that */
export function* tarFiles(archive: Uint8Array): Generator<TarFile> {
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return
    if (text(header, 257, 5) !== 'ustar' || octal(header, 148, 8) !== sumOf(header)) {
      throw new TypeError(`tar: no header at byte ${at}`)
    }
    const size = octal(header, 124, 12)
    const end = at + BLOCK + size
    if (end > archive.length) throw new TypeError(`tar: cut off at byte ${archive.length}`)
    const type = text(header, 156, 1)
    if (type === '' || type === '0') {
      const folder = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : ''
      const name = text(header, 0, 100)
      const path = folder === '' ? name : `${folder}/${name}`
      yield { path, bytes: archive.subarray(at + BLOCK, end) }
    } else if (!'5xg'.includes(type)) {
      throw new TypeError(`tar: type ${JSON.stringify(type)} at byte ${at} is not supported`)
    }
    at = end + ((BLOCK - (size % BLOCK)) % BLOCK)
  }
}

const BLOCK = 512

/** Up to the first NUL. */
function text(header: Uint8Array, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return new TextDecoder('latin1').decode(end < 0 ? field : field.subarray(0, end))
}

/** @throws {TypeError} */
function octal(header: Uint8Array, offset: number, length: number): number {
  const digits = text(header, offset, length).trim()
  if (!/^[0-7]{1,11}$/.test(digits)) throw new TypeError('tar: a number is not octal')
  return Number.parseInt(digits, 8)
}

function sumOf(header: Uint8Array): number {
  const isSum = (i: number) => i >= 148 && i < 156
  return header.reduce((sum, byte, i) => sum + (isSum(i) ? 0x20 : byte), 0)
}
