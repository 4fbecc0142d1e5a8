/**
 * `custody`: where the keys come from that seal what is kept in `data`, and that certificates inside the cluster are signed with.
 *
 * @module
 */
import { resolve } from 'node:path'
import { z } from 'zod'
import { drillFields, placementFields } from '../../custody/cluster-config.ts'
import type { Blame, Complaint } from './complaint.ts'
import { CONFIG_DEFAULTS } from './defaults.ts'
import { webhookFields } from './webhook-fields.ts'
import { address, count, file } from './words.ts'

const D = CONFIG_DEFAULTS.custody
/** Of Shamir's scheme. */
const SHARES_MAX = 255
/** A day: somebody has come by then. */
const WAIT_S_MAX = 86_400

const external = z.strictObject({
  cluster: z
    .string()
    .regex(/^[a-z0-9-]{1,63}$/, 'must be a name of a-z, 0-9 and "-"')
    .describe('Name of the cluster.'),
  identity: file.describe("The cluster's Ed25519 public key, PEM."),
  certificate: file.describe('Shown to nodes, PEM: limen://CLUSTER/ROLE/ID.'),
  key: file.describe('Its private key, PEM.'),
  authority: file.describe("Who signs nodes' certificates, PEM."),
  nodes: z
    .array(
      z.strictObject({
        id: z
          .string()
          .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be a name of a-z, 0-9, ".", "_" and "-"')
          .describe('As its certificate says.'),
        address: address.describe('Where it listens.'),
        card: file.describe('Its card (LCN1), signed by the identity.'),
      }),
    )
    .min(2)
    .max(SHARES_MAX)
    .describe('The nodes that are asked.'),
})

export const custodySchema = z.strictObject({
  mode: z
    .enum(['embedded', 'external', 'off'])
    .default(D.mode)
    .describe(
      'embedded: five nodes run as processes here; external: nodes elsewhere; off: keys are in files.',
    ),
  unseal: z
    .enum(['file', 'operators'])
    .default(D.unseal)
    .describe(
      'What opens embedded nodes at a start: data/custody/root.key, or shares that operators give (limen custody unseal).',
    ),
  operators: z
    .strictObject({
      shares: z
        .int()
        .min(2)
        .max(SHARES_MAX)
        .default(D.operators.shares)
        .describe('How many there are.'),
      threshold: z
        .int()
        .min(2)
        .max(SHARES_MAX)
        .default(D.operators.threshold)
        .describe('How many open it.'),
    })
    .prefault({})
    .describe('Shares for operators, made at the first start; a change later changes nothing.'),
  waitS: count(WAIT_S_MAX)
    .default(D.waitS)
    .describe('A start waits so long for nodes, and for operators; then it fails.'),
  drill: drillFields(D.drill).describe('Whether shares are good is tried while Limen runs.'),
  placement: placementFields.describe('Where shares should be, by how often keys are used.'),
  alarm: webhookFields('Is sent a POST when a share is bad, and when it is good again.')
    .optional()
    .describe('Tells somebody else of bad shares.'),
  external: external.optional().describe('The nodes of mode external.'),
})

type Custody = z.output<typeof custodySchema>

export function withWholeCustodyPaths(custody: Custody, folder: string): Custody {
  const { external: there, alarm } = custody
  const whole = (one: string): string => resolve(folder, one)
  const told = alarm && { ...alarm, secretFile: whole(alarm.secretFile) }
  if (there === undefined) return { ...custody, alarm: told }
  return {
    ...custody,
    alarm: told,
    external: {
      ...there,
      identity: whole(there.identity),
      certificate: whole(there.certificate),
      key: whole(there.key),
      authority: whole(there.authority),
      nodes: there.nodes.map((node) => ({ ...node, card: whole(node.card) })),
    },
  }
}

export function checkCustody(
  { custody }: { readonly custody: Custody },
  blame: Blame,
): readonly Complaint[] {
  const { mode, external: there, operators, alarm } = custody
  const found: Complaint[] = []
  if (mode !== 'embedded' && alarm !== undefined) {
    found.push(blame(['custody', 'alarm'], 'needs mode embedded'))
  }
  if (mode === 'external' && there === undefined) {
    found.push(blame(['custody', 'mode'], 'needs custody.external'))
  }
  if (mode !== 'external' && there !== undefined) {
    found.push(blame(['custody', 'external'], 'needs mode external'))
  }
  if (operators.threshold > operators.shares) {
    found.push(blame(['custody', 'operators', 'threshold'], 'is more than there are shares'))
  }
  return found
}
