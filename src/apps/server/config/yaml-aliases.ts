/**
 * Aliases of a YAML document (`*name`), for what is said of one that stands for nothing or for too much.
 *
 * @module
 */
import { type Alias, visit, type Document as YamlDocument } from 'yaml'

/** In the order of the text. */
export function aliasesOf(document: YamlDocument): readonly Alias[] {
  const found: Alias[] = []
  visit(document, {
    Alias: (_key, alias) => {
      found.push(alias)
    },
  })
  return found
}

export function isDangling(document: YamlDocument, alias: Alias): boolean {
  return alias.resolve(document) === undefined
}

export function danglingText({ source }: Alias): string {
  return `alias *${source}: no anchor &${source} stands before it`
}
