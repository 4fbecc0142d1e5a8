/**
 * Limen's version, from the package it runs from.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Folder of the package: the same from `src/` and from `dist/`. */
export const PACKAGE_FOLDER = packageFolder(import.meta.dirname)

export const VERSION = (
  JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { version: string }
).version

function packageFolder(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  const above = dirname(from)
  if (above === from) throw new TypeError('Limen does not lie in a package')
  return packageFolder(above)
}
