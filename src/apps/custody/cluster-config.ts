/**
 * `custody.yaml`: a cluster of custody nodes as one who uses or looks after it knows it. The operations API reads the same file, with what it needs
 * besides (`apps/custody-api/api-config.ts`). What the fields mean is in `docs/custody.md`.
 *
 * @module
 */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { configError, readConfigFile } from './read-file.ts'

/** A share has a point of one octet, and no node two. */
const NODES_MAX = 255
const file = z.string().min(1)
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a name of a-z, 0-9, ".", "_" and "-"')
const domain = z.string().regex(/^[\w./-]{1,64}$/, 'letters, digits, ".", "_", "-" and "/"')

export const custodyNodeFields = {
  id: name,
  address: z.string().regex(/^(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i, 'host:port'),
  /** LCN1, signed by the cluster. */
  card: file,
  /** Nodes that fail or fall together; else each is one by itself. */
  domain: domain.optional(),
  /** Of CPU. */
  cores: z.number().positive().max(1024).default(1),
  /** Shares it has room for. */
  slots: z.int().positive().default(10_000),
}

const DRILL = { everyS: 86_400, repair: false }

/** How shares are drilled, with what is so unless it is said. */
export const drillFields = ({ everyS, repair }: typeof DRILL) =>
  z
    .strictObject({
      everyS: z
        .int()
        .min(1)
        .max(31_536_000)
        .default(everyS)
        .describe('Each share is proven once in so many seconds.'),
      repair: z.boolean().default(repair).describe('Bad shares are made good without asking.'),
    })
    .prefault({})

/** Whether shares are moved. */
export const placementFields = z
  .strictObject({
    mode: z
      .enum(['off', 'plan', 'act'])
      .default('plan')
      .describe('plan: it is only said which shares would be moved; act: they are.'),
    movesMax: z.int().positive().default(8).describe('Shares moved at one time.'),
    moveMs: z
      .number()
      .min(0)
      .default(0.01)
      .describe('What moving a share has to be worth: milliseconds of the mean operation.'),
  })
  .prefault({})

/** Of both readers of the file. */
export const custodyClusterFields = {
  cluster: z.string().regex(/^[a-z0-9-]{1,63}$/, 'a name of a-z, 0-9 and "-"'),
  certificate: file,
  key: file,
  authority: file,
  identity: file,
  identityKey: file.optional(),
  nodes: z.array(z.strictObject(custodyNodeFields)).min(2).max(NODES_MAX),
  threshold: z.int().min(2),
  /** Names of keys, which nodes do not know: `key-names.ts`. */
  names: file.default('names'),
  /** LRC1, and the manifest of the operators' shares: for backups. */
  recovery: z.strictObject({ key: file, operators: file }).optional(),
  drill: drillFields(DRILL),
  placement: placementFields,
}

/** The operations API's own. */
const others = Object.fromEntries(
  ['id', 'listen', 'folder', 'catalogue', 'server', 'signingKey', 'tokens', 'access'].map(
    (one) => [one, z.unknown().optional()] as const,
  ),
)
const schema = z.strictObject({ ...others, ...custodyClusterFields })

export type ClusterConfig = Pick<z.infer<typeof schema>, keyof typeof custodyClusterFields>
export type ClusterNodeConfig = ClusterConfig['nodes'][number]

/** Paths in it are from the file's folder. @throws LimenError `config-unreadable`, `config-refused` with every complaint */
export function readClusterConfig(path: string): ClusterConfig {
  const data = readConfigFile(path, schema)
  const { nodes, threshold, recovery, identityKey, ...rest } = data
  if (threshold > nodes.length) {
    throw configError('config-refused', `${path}: threshold: there are only ${nodes.length} nodes`)
  }
  if (new Set(nodes.map(({ id }) => id)).size < nodes.length) {
    throw configError('config-refused', `${path}: nodes: an id is there twice`)
  }
  const whole = (one: string): string => resolve(dirname(path), one)
  const { cluster, drill, placement, certificate, key, authority, identity, names } = rest
  return {
    ...{ cluster, drill, placement, threshold },
    ...{ certificate: whole(certificate), key: whole(key), authority: whole(authority) },
    ...{ identity: whole(identity), names: whole(names) },
    identityKey: identityKey && whole(identityKey),
    recovery: recovery && { key: whole(recovery.key), operators: whole(recovery.operators) },
    nodes: nodes.map((node) => ({ ...node, card: whole(node.card) })),
  }
}
