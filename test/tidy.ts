/**
 * The house rules a machine can check, as one function from sources to complaints. The floors themselves are
 * in `floors.ts`; formatting and most style belong to Biome, which knows it better.
 *
 * @module
 */
import { posix } from 'node:path'
import { FLOORS, PURE_FLOORS, PURE_PACKAGES } from './floors.ts'

/** One file: its path from the repository root, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

type Ban = readonly [pattern: RegExp, instead: string]
const BANNED: readonly Ban[] = [
  [/^export default\b/m, 'a named export'],
  [/^(?:export )?(?:const )?enum \w/m, 'a union of string literals'],
  [/\bas any\b|: any\b|<any>/, 'unknown, then narrow it'],
  [
    /^(?:export )?(?:abstract class|class \w+ extends (?!\w*Error\b))/m,
    'an interface and functions',
  ],
]
const BANNED_WHEN_PURE: readonly Ban[] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, 'a Clock that the caller passes'],
  [/\bMath\.random\(|\bgetRandomValues\(|\brandomBytes\(/, 'a Random that the caller passes'],
]
/** A framework that reads a default export, or a test of the bans themselves. */
const EXEMPT = /vite\.config\.ts$|^test\/tidy/
const VAGUE_NAMES =
  /(?:^|-)(?:util|utils|helper|helpers|manager|common|misc|shared|stuff|base|index|types|constants)$/
/** Doors of the package: they open onto any floor. */
const DOORS = new Set(['src/limen.ts', 'src/limen-forecast.ts'])

/** Every complaint about `sources`, one line each, sorted. Empty means tidy. */
export function complaints(sources: readonly Source[]): readonly string[] {
  const paths = new Set(sources.map(({ path }) => path))
  const imports = new Map(sources.map((source) => [source.path, importsOf(source)]))
  const needed = new Map(sources.map((source) => [source.path, importsOf(withoutTypes(source))]))
  return [
    ...sources.flatMap(aboutText),
    ...sources.flatMap((source) => aboutImports(source, imports.get(source.path) ?? [], paths)),
    ...cycles(needed),
  ].sort()
}

function aboutText({ path, text }: Source): readonly string[] {
  const found: string[] = []
  if (!isTest(path) && !/^(?:#!.*\n)?\/\*\*/.test(text)) {
    found.push(`${path}:1: has no header comment`)
  }
  if (VAGUE_NAMES.test(posix.basename(path).replace(/\..*$/, ''))) {
    found.push(`${path}:1: is named after nothing in the domain`)
  }
  const pure = PURE_FLOORS.includes(folderOf(path)) && !isTest(path)
  const code = withoutComments(text)
  for (const [pattern, instead] of pure ? [...BANNED, ...BANNED_WHEN_PURE] : BANNED) {
    const match = EXEMPT.test(path) ? null : pattern.exec(code)
    if (match === null) continue
    const line = code.slice(0, match.index).split('\n').length
    found.push(`${path}:${line}: "${match[0]}" is banned: use ${instead}`)
  }
  return found
}

function aboutImports(
  { path }: Source,
  specifiers: readonly string[],
  paths: ReadonlySet<string>,
): readonly string[] {
  if (!path.startsWith('src/') || isTest(path) || DOORS.has(path)) return []
  const from = roomOf(path)
  const allowed = FLOORS[from] ?? FLOORS[folderOf(path)]
  if (allowed === undefined) return [`${path}: lies in no folder that floors.ts knows`]
  const pure = PURE_FLOORS.includes(folderOf(path))
  return specifiers.flatMap((specifier) => {
    if (!specifier.startsWith('src/')) {
      const known = PURE_PACKAGES.some((name) => specifier.startsWith(name))
      return pure && !known ? [`${path}: ${from} is pure and may not import "${specifier}"`] : []
    }
    if (/\.tsx?$/.test(specifier) && !paths.has(specifier)) {
      return [`${path}: imports ${specifier}, which is not there`]
    }
    const to = roomOf(specifier)
    if (to === from || allowed.includes(to) || allowed.includes(folderOf(specifier))) return []
    return [`${path}: ${from} may not import ${to} (${specifier})`]
  })
}

/** What a file imports: paths from the root for its own, names as written for packages. */
function importsOf({ path, text }: Source): readonly string[] {
  const found = text.matchAll(
    /^(?:import|export)\b[^'";]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm,
  )
  return [...found]
    .map(([, a, b, c]) => a ?? b ?? c ?? '')
    .map((name) => (name.startsWith('.') ? posix.join(posix.dirname(path), name) : name))
}

/** Types are erased: files that only name each other's types do not need each other to start. */
function withoutTypes({ path, text }: Source): Source {
  return { path, text: text.replace(/^(?:import|export) type\b/gm, '') }
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ''))
}

function cycles(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      found.push(
        `${path}: imports itself by way of ${[...trail.slice(start + 1), path].join(' -> ')}`,
      )
      return
    }
    if (done.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
  return found
}

function folderOf(path: string): string {
  return path.startsWith('src/') ? (path.split('/')[1] ?? '') : ''
}

/** `adapters/redis`, `apps/server`: rooms; elsewhere the folder itself. */
function roomOf(path: string): string {
  const [, folder = '', room = ''] = path.split('/')
  return folder === 'adapters' || folder === 'apps' ? `${folder}/${room}` : folder
}

function isTest(path: string): boolean {
  return /\.(?:test|contract|bench)\.tsx?$/.test(path)
}
