/**
 * Endpoints that need no key: chance of this machine, and hashes.
 *
 * @module
 */
import { hash } from 'node:crypto'
import type { Endpoint } from './endpoint.ts'
import { complaintOf, FIELDS } from './request-fields.ts'

/** OpenSSL's names. */
const ALGORITHMS = {
  'sha2-224': 'sha224',
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
  'sha3-224': 'sha3-224',
  'sha3-256': 'sha3-256',
  'sha3-384': 'sha3-384',
  'sha3-512': 'sha3-512',
} as const

export const randomEndpoint: Endpoint = async ({ random }, { fields }) => {
  const read = FIELDS.random.safeParse(fields)
  if (!read.success) return { status: 400, errors: [complaintOf(read.error)] }
  const octets = Buffer.from(random.bytes(read.data.bytes))
  const random_bytes = octets.toString(read.data.format)
  octets.fill(0)
  return { status: 200, data: { random_bytes } }
}

export const hashEndpoint: Endpoint = async (_world, { fields }) => {
  const read = FIELDS.hash.safeParse(fields)
  if (!read.success) return { status: 400, errors: [complaintOf(read.error)] }
  const { input, algorithm, format } = read.data
  const sum = hash(ALGORITHMS[algorithm], input, format)
  input.fill(0)
  return { status: 200, data: { sum } }
}
