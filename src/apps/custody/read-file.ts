/**
 * What parties of custody read from files when they begin: configurations in YAML, certificates, cards, private keys.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { z } from 'zod'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'

/** Larger than any list of access rules that a person can read. */
const TEXT_BYTES_MAX = 1 << 20

/**
 * A configuration, checked as a whole.
 *
 * @param sayOf what is wrong with a place, where zod's own words will not do
 * @throws LimenError `config-unreadable`, `config-refused` with every complaint
 */
export function readConfigFile<S extends z.ZodType>(
  path: string,
  schema: S,
  sayOf: (issue: z.core.$ZodIssue) => string = ({ message }) => message,
): z.infer<S> {
  let tree: unknown
  try {
    const bytes = readFileSync(path)
    if (bytes.length > TEXT_BYTES_MAX) throw new RangeError('it is too long')
    tree = parse(bytes.toString('utf8'))
  } catch (cause) {
    throw configError('config-unreadable', `${path}: ${(cause as Error).message}`, cause)
  }
  const parsed = schema.safeParse(tree)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const lines = issues.map((issue) => `${path}: ${issue.path.join('.')}: ${sayOf(issue)}`)
  throw configError('config-refused', lines.join('\n'))
}

export function configError(code: string, text: string, cause?: unknown): LimenError {
  return new LimenError(code, text, { side: 'operator', retry: false, cause })
}

/** @throws LimenError `credentials-bad` */
export function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw credentialError(`${path} cannot be read`, cause)
  }
}

/** Takes reading away from everybody else. @throws LimenError `credentials-bad` */
export function secretOf(path: string): Buffer {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) throw credentialError(`${path} is not there`)
  return bytes
}

export function credentialError(why: string, cause?: unknown): LimenError {
  return new LimenError('credentials-bad', why, { side: 'operator', retry: false, cause })
}

/** Of an address that the configuration's schema has checked. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}
