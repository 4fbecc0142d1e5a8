/**
 * Documents that the identity of a cluster signs, besides those that nodes read (`node-world.ts`).
 *
 * @module
 */
import { type KeyObject, verify } from 'node:crypto'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { SignedDocument } from '../../wire/custody-backup.ts'

export function isDocumentOf(
  identity: KeyObject,
  label: string,
  { signed, signature }: SignedDocument<unknown>,
): boolean {
  return verify(null, joinOctets(octetsOf(label), signed), identity, signature)
}
