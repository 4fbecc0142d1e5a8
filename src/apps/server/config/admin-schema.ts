/**
 * `admin`: the admin API, and who may call it.
 *
 * @module
 */
import { z } from 'zod'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { address, file, HOST, name } from './words.ts'

const SHA256 = /^[0-9a-f]{64}$/
export const ROLES = ['viewer', 'analyst', 'operator', 'custodian'] as const
const tokenHolder = {
  name: name.describe('Who it is: written into the audit log.'),
  role: z
    .enum(ROLES)
    .describe('viewer: figures; analyst: decisions too; operator: changes too; custodian: audit.'),
}
const token = z.union([
  z.strictObject({
    ...tokenHolder,
    sha256: z
      .string()
      .regex(SHA256, 'must be 64 lower-case hex digits')
      .describe('SHA-256 of the token, hex.'),
  }),
  z.strictObject({
    ...tokenHolder,
    tokenFile: file.describe('A file that holds the token itself.'),
  }),
])

export const adminSchema = z.strictObject({
  address: address.default(D.admin.address).describe('Where the admin API and the console listen.'),
  certificate: z
    .strictObject({ certFile: file.describe('PEM chain.'), keyFile: file.describe('PEM key.') })
    .optional()
    .describe('Serve it by TLS: needed when the address is not loopback.'),
  hosts: z
    .array(z.string().regex(HOST).min(1))
    .default([])
    .describe('Further host names it may be called by (guards against DNS rebinding).'),
  openToLoopback: z
    .enum(['nobody', 'viewer', 'analyst'])
    .default(D.admin.openToLoopback)
    .describe('Role of a caller on this machine without a token. Changes always need one.'),
  tokens: z.array(token).default([]).describe('Who may call. Empty: data/admin-token is made.'),
})

export type Role = (typeof ROLES)[number]
