/**
 * What is wrong with a configuration, and where: a line of a file, or an environment variable.
 *
 * @module
 */
import type { LineCounter, Document as YamlDocument } from 'yaml'
import { isAlias, isCollection, isMap, isPair, isScalar } from 'yaml'

export type ConfigPath = readonly (string | number)[]

export interface Complaint {
  /** The file, or the name of the environment variable that set the value. */
  readonly source: string
  /** From 1; absent when the source is a variable. */
  readonly line?: number
  readonly column?: number
  /** e.g. `pools[0].servers[1].weight`; '' for the whole. */
  readonly path: string
  readonly text: string
}

/** Points at `path` in its source: at its key when it has one, else at the nearest thing around it. */
export type Blame = (path: ConfigPath, text: string) => Complaint

/** `limen.yaml:3:5: pools[0].name: must be ...` */
export function writeComplaint({ source, line, column, path, text }: Complaint): string {
  const place = line === undefined ? source : `${source}:${line}:${column ?? 1}`
  return path === '' ? `${place}: ${text}` : `${place}: ${path}: ${text}`
}

/** Blames lines of a parsed file, or the variable in `fromEnvironment` (by written path) that set it. */
export function blameIn(
  file: string,
  document: YamlDocument,
  lines: LineCounter,
  fromEnvironment: ReadonlyMap<string, string>,
): Blame {
  return (path, text) => {
    for (let length = path.length; length > 0; length--) {
      const variable = fromEnvironment.get(writePath(path.slice(0, length)))
      if (variable !== undefined) return { source: variable, path: writePath(path), text }
    }
    const { line, col } = lines.linePos(offsetOf(document, path))
    return { source: file, line: line || 1, column: col || 1, path: writePath(path), text }
  }
}

export function writePath(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
}

/** Offset of the key (or list item) that `path` leads to, as deep as the file goes. */
function offsetOf(document: YamlDocument, path: ConfigPath): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (!isCollection(node)) return offset
    const pair = isMap(node)
      ? node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(part))
      : node.items[Number(part)]
    if (pair === undefined) return offset
    offset = startOf(isPair(pair) ? pair.key : pair) ?? offset
    node = isPair(pair) ? pair.value : pair
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] | null } | null)?.range
  return range?.[0]
}
