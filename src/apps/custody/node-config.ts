/**
 * The configuration of a custody node: one YAML file, checked as a whole. What its fields mean is in `docs/wire/custody.md`.
 *
 * @module
 */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { readPkcs11Uri } from '../../adapters/pkcs11/pkcs11-uri.ts'
import { readConfigFile } from './read-file.ts'

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a name of a-z, 0-9, ".", "_" and "-"')
const role = z.string().regex(/^[a-z0-9-]{1,32}$/, 'a role of a-z, 0-9 and "-"')
const file = z.string().min(1)

const accessRow = z.strictObject({
  caller: z.strictObject({ role, id: z.string().min(1).optional() }),
  key: z.string().min(1),
  operations: z.array(z.string().min(1)).min(1),
  rate: z.strictObject({ perS: z.number().positive(), burst: z.number().min(1) }).optional(),
  hours: z.strictObject({ from: z.string(), to: z.string() }).optional(),
})

/** One of three: a file that a passphrase opens, a token, or shares that operators give through a door. */
const wrapping = z.union([
  z.strictObject({ file, passphraseFile: file }),
  z.strictObject({
    pkcs11: z.string().transform((text, context) => {
      const outcome = readPkcs11Uri(text)
      if (outcome.kind === 'read') return outcome.uri
      context.addIssue({ code: 'custom', message: outcome.says })
      return z.NEVER
    }),
  }),
  /** The manifest of its shares, and a socket. */
  z.strictObject({ sealed: file, door: file }),
])

const schema = z.strictObject({
  cluster: z.string().regex(/^[a-z0-9-]{1,63}$/, 'a name of a-z, 0-9 and "-"'),
  id: name,
  listen: z
    .string()
    .regex(/^(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i, 'host:port')
    .default('127.0.0.1:9444'),
  /** Shares and audit log. */
  folder: file,
  /** Shown to callers, `limen://CLUSTER/node/ID` its only name; PEM. */
  certificate: file,
  key: file,
  /** Whose certificates callers have; PEM. */
  authority: file,
  /** The cluster's Ed25519 public key; PEM. */
  identity: file,
  /** X25519 private key, 32 octets. */
  sealingKey: file,
  /** Ed25519 private key; PEM. */
  signingKey: file,
  wrapping,
  /** Roles that may connect; what they may do, `access` says. */
  roles: z.array(role).min(1),
  access: z.array(accessRow),
})

export type NodeConfig = z.infer<typeof schema>

const FILES = [
  'folder',
  'certificate',
  'key',
  'authority',
  'identity',
  'sealingKey',
  'signingKey',
] as const

/** Paths in it are from the file's folder. @throws LimenError `config-unreadable`, `config-refused` with every complaint */
export function readNodeConfig(path: string): NodeConfig {
  const { wrapping: opens, ...rest } = readConfigFile(path, schema, complaintOf)
  const whole = (one: string): string => resolve(dirname(path), one)
  const paths = Object.fromEntries(FILES.map((one) => [one, whole(rest[one])]))
  return { ...rest, ...paths, wrapping: withWholePaths(opens, whole) }
}

function withWholePaths(
  opens: NodeConfig['wrapping'],
  whole: (path: string) => string,
): NodeConfig['wrapping'] {
  if ('pkcs11' in opens) return opens
  if ('sealed' in opens) return { sealed: whole(opens.sealed), door: whole(opens.door) }
  return { file: whole(opens.file), passphraseFile: whole(opens.passphraseFile) }
}

/** Of a choice, what is wrong with the form that was nearest: one that has a key of its own in it. */
function complaintOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message
  const custom = issue.errors.flat().find(({ code }) => code === 'custom')
  return custom?.message ?? 'has to be file and passphraseFile, or pkcs11, or sealed and door'
}
