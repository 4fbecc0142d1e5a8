/**
 * A certificate chain and its private key from PEM files, checked before anything is served with them.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'

export interface CertificatePair {
  readonly certPem: string
  readonly keyPem: string
  /** Of the leaf, ms since the Unix epoch. */
  readonly notAfter: number
  /** SubjectAltName of the leaf, e.g. `localhost`, `127.0.0.1`. */
  readonly names: readonly string[]
}

export type CertificateOutcome =
  | { readonly kind: 'read'; readonly pair: CertificatePair }
  /** `file` says which of the two is to blame. */
  | { readonly kind: 'bad'; readonly file: 'certFile' | 'keyFile'; readonly text: string }

export function readCertificatePair(certFile: string, keyFile: string): CertificateOutcome {
  const certPem = readText(certFile)
  if (certPem.kind === 'bad') return { ...certPem, file: 'certFile' }
  const keyPem = readText(keyFile)
  if (keyPem.kind === 'bad') return { ...keyPem, file: 'keyFile' }
  return checkPair(certPem.text, keyPem.text)
}

/** Whether the chain can be read, the key too, and both belong together. */
export function checkPair(certPem: string, keyPem: string): CertificateOutcome {
  const leaf = attempt(() => new X509Certificate(certPem))
  if (leaf === undefined) return { kind: 'bad', file: 'certFile', text: 'holds no PEM certificate' }
  const key = attempt(() => createPrivateKey(keyPem))
  if (key === undefined) {
    return { kind: 'bad', file: 'keyFile', text: 'holds no unencrypted PEM private key' }
  }
  if (!leaf.checkPrivateKey(key)) {
    const text = `is not the key of the certificate (${leaf.subject.replaceAll('\n', ', ')})`
    return { kind: 'bad', file: 'keyFile', text }
  }
  const names = (leaf.subjectAltName ?? '')
    .split(', ')
    .map((name) => inShort(name.replace(/^(?:DNS|IP Address):/, '')))
    .filter((name) => name !== '')
  const notAfter = leaf.validToDate.getTime()
  return { kind: 'read', pair: { certPem, keyPem, notAfter, names } }
}

/** Node writes IPv6 addresses out in full. */
function inShort(name: string): string {
  return isIPv6(name) ? (URL.parse(`http://[${name}]`)?.hostname.slice(1, -1) ?? name) : name
}

type Text =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bad'; readonly text: string }

function readText(path: string): Text {
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return {
      kind: 'bad',
      text: `cannot be read: ${code === 'ENOENT' ? 'no such file' : code} (${path})`,
    }
  }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
