/**
 * Tokens of SoftHSM in a folder of their own: files that behave as a PKCS#11 token does. Set up in this process and those it starts.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Debian's, of the package `softhsm2`. */
const MODULE = '/usr/lib/softhsm/libsofthsm2.so'
const PIN = 'a-pin-2718281828'
const SO_PIN = 'so-pin-31415926'

export interface SoftHsm {
  readonly pin: string
  /** Of a key in the token, which need not be there. */
  uri(object: string, token?: string): string
  writePin(pin: string): void
  /** Takes all tokens away, or puts them back. */
  remove(): void
  putBack(): void
  end(): void
}

export function softHsm(): SoftHsm {
  const folder = mkdtempSync(join(tmpdir(), 'limen-hsm-'))
  const tokens = join(folder, 'tokens')
  const pinFile = join(folder, 'pin')
  const settings = join(folder, 'softhsm2.conf')
  mkdirSync(tokens)
  writeFileSync(settings, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`)
  process.env['SOFTHSM2_CONF'] = settings
  const init = ['--init-token', '--free', '--label', 'limen test']
  execFileSync('softhsm2-util', [...init, '--pin', PIN, '--so-pin', SO_PIN], { stdio: 'ignore' })
  const writePin = (pin: string): void => writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
  writePin(PIN)
  return {
    pin: PIN,
    writePin,
    uri: (object, token = 'limen%20test') =>
      `pkcs11:token=${token};object=${object}?module-path=${MODULE}&pin-source=file:${pinFile}`,
    remove: () => renameSync(tokens, `${tokens}-away`),
    putBack: () => renameSync(`${tokens}-away`, tokens),
    end: () => rmSync(folder, { recursive: true }),
  }
}
