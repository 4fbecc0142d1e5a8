/**
 * Configuration of a coordinator that serves the operations API: YAML, closed, checked when read. What the keys mean is in
 * `docs/custody-api.md`; those that `limen custody` reads, too, in `docs/custody.md`.
 *
 * @module
 */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { custodyClusterFields } from '../custody/cluster-config.ts'
import { configError, readConfigFile } from '../custody/read-file.ts'

const address = z.string().regex(/^(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i, 'host:port')
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a name of a-z, 0-9, ".", "_" and "-"')
const role = z.string().regex(/^[a-z0-9-]{1,32}$/, 'a role of a-z, 0-9 and "-"')
const file = z.string().min(1)

const accessRow = z.strictObject({
  caller: z.strictObject({ role, id: z.string().min(1).exactOptional() }),
  key: z.string().min(1),
  operations: z.array(z.string().min(1)).min(1),
  rate: z.strictObject({ perS: z.number().positive(), burst: z.number().min(1) }).exactOptional(),
  hours: z.strictObject({ from: z.string(), to: z.string() }).exactOptional(),
})

const schema = z.strictObject({
  cluster: z.string().regex(/^[a-z0-9-]{1,63}$/, 'a name of a-z, 0-9 and "-"'),
  id: name,
  /** Vault's port, which clients look for. */
  listen: address.default('127.0.0.1:8200'),
  /** Audit log; the catalogue unless it is elsewhere. */
  folder: file,
  /** Coordinators may share it. */
  catalogue: file.optional(),
  /** What clients see, e.g. for `localhost`; PEM. */
  server: z.strictObject({ certificate: file, key: file }),
  /** What nodes see: `limen://CLUSTER/ROLE/ID` its only name; PEM. */
  certificate: file,
  key: file,
  /** Of nodes, and of clients that show a certificate; PEM. */
  authority: file,
  /** The cluster's Ed25519 public key; PEM. */
  identity: file,
  /** The cluster's Ed25519 private key; PEM. Without it keys are used here, and none is made or changed. */
  identityKey: file.optional(),
  /** Signs checkpoints of the audit log: Ed25519 private key; PEM. */
  signingKey: file,
  nodes: custodyClusterFields.nodes,
  /** How many nodes are needed to use a key; all hold a share of each new one. */
  threshold: z.int().min(2),
  tokens: z
    .array(
      z.strictObject({
        sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 hex digits'),
        caller: z.strictObject({ role, id: name }),
      }),
    )
    .default([]),
  access: z.array(accessRow),
  names: custodyClusterFields.names,
  recovery: custodyClusterFields.recovery,
  drill: custodyClusterFields.drill,
  placement: custodyClusterFields.placement,
})

export type ApiConfig = z.infer<typeof schema>

/** Paths in it are from the file's folder. @throws LimenError `config-unreadable`, `config-refused` with every complaint */
export function readApiConfig(path: string): ApiConfig {
  const data = readConfigFile(path, schema)
  if (data.threshold > data.nodes.length) {
    throw configError(
      'config-refused',
      `${path}: threshold: there are only ${data.nodes.length} nodes`,
    )
  }
  const whole = (one: string): string => resolve(dirname(path), one)
  const folder = whole(data.folder)
  const { certificate, key, authority, identity, signingKey, server } = data
  return {
    ...data,
    folder,
    catalogue: data.catalogue === undefined ? resolve(folder, 'keys') : whole(data.catalogue),
    server: { certificate: whole(server.certificate), key: whole(server.key) },
    ...{ certificate: whole(certificate), key: whole(key), authority: whole(authority) },
    ...{ identity: whole(identity), signingKey: whole(signingKey) },
    ...(data.identityKey === undefined ? {} : { identityKey: whole(data.identityKey) }),
    nodes: data.nodes.map((node) => ({ ...node, card: whole(node.card) })),
  }
}
