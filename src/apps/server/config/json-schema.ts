/**
 * The published form of `schema.ts`: JSON Schema (draft 2020-12), as editors read it.
 * Also what our own complaints need of it: which keys may stand at a path.
 *
 * @module
 */
import { z } from 'zod'
import type { ConfigPath } from './complaint.ts'
import { configSchema } from './schema.ts'

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
}

let made: Readonly<Record<string, unknown>> | undefined

/** What a person may write: keys with a default are optional. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  made ??= {
    ...z.toJSONSchema(configSchema, { target: 'draft-2020-12', io: 'input' }),
    title: 'limen.yaml',
    description: 'Configuration of Limen. Relative paths start at the folder of the file.',
  }
  return made
}

/** Keys that may stand in the mapping at `path`; none when no mapping can stand there. */
export function knownKeys(path: ConfigPath): readonly string[] {
  let nodes: readonly SchemaNode[] = [configJsonSchema() as SchemaNode]
  for (const part of path) {
    nodes = alternatives(nodes).flatMap((node) => {
      const next = typeof part === 'number' ? node.items : ownProperty(node, part)
      return next === undefined ? [] : [next]
    })
  }
  return [...new Set(alternatives(nodes).flatMap((node) => Object.keys(node.properties ?? {})))]
}

function alternatives(nodes: readonly SchemaNode[]): readonly SchemaNode[] {
  return nodes.flatMap((node) => (node.anyOf === undefined ? [node] : alternatives(node.anyOf)))
}

function ownProperty({ properties = {} }: SchemaNode, key: string): SchemaNode | undefined {
  return Object.hasOwn(properties, key) ? properties[key] : undefined
}
