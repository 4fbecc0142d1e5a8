/**
 * What must hold in `signals` between its keys, and on the disk.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { readBearerToken } from '../../../adapters/node/bearer-token.ts'
import { isLoopback } from './address.ts'
import type { Blame, Complaint, ConfigPath } from './complaint.ts'
import { addressOf, type Config } from './schema.ts'

export function checkSignals(
  { signals, sessions, behavior }: Config,
  blame: Blame,
): readonly Complaint[] {
  const { issuer, address, certificate, transmitters, receivers } = signals
  const found: Complaint[] = []
  const complain = (path: ConfigPath, text: string): void => {
    found.push(blame(['signals', ...path], text))
  }
  const isIdle = !sessions.enabled && behavior.mode === 'off'
  if (isIdle && transmitters.length + receivers.length > 0) {
    complain([], 'needs sessions.enabled or behavior.mode: nothing would follow')
  }
  for (const [i, one] of transmitters.entries()) {
    const at = ['transmitters', i]
    if ((one.jwks === undefined) === (one.jwksUrl === undefined)) {
      complain(at, 'needs either jwks or jwksUrl')
    }
    if (one.tokenFile === undefined && one.poll === undefined) {
      complain(at, 'needs tokenFile, to push, or poll, to be asked')
    }
    if (one.tokenFile !== undefined && address === undefined) {
      complain([...at, 'tokenFile'], 'needs signals.address to push to')
    }
    if (one.audience === undefined && issuer === undefined) {
      complain(at, 'needs audience or signals.issuer')
    }
    if (transmitters.findIndex(({ issuer: other }) => other === one.issuer) < i) {
      complain([...at, 'issuer'], `"${one.issuer}" is there twice`)
    }
  }
  for (const [i, one] of receivers.entries()) {
    if (receivers.findIndex(({ url }) => url === one.url) < i) {
      complain(['receivers', i, 'url'], `"${one.url}" is there twice`)
    }
  }
  if (receivers.length > 0 && issuer === undefined) complain(['receivers'], 'needs signals.issuer')
  if (address !== undefined && !isLoopback(addressOf(address).host) && certificate === undefined) {
    complain(['address'], 'is not loopback: needs signals.certificate')
  }
  return found
}

/** Complaints about the files of tokens and keys, for `limen check` and for the start. */
export function checkSignalFiles({ signals }: Config, blame: Blame): readonly Complaint[] {
  const found: Complaint[] = []
  const check = (path: ConfigPath, file: string | undefined, read: (file: string) => unknown) => {
    if (file === undefined) return
    try {
      read(file)
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      found.push(blame(['signals', ...path], `cannot be read: ${why}`))
    }
  }
  for (const [i, { jwks, tokenFile, poll }] of signals.transmitters.entries()) {
    check(['transmitters', i, 'jwks'], jwks, (file) => readFileSync(file))
    check(['transmitters', i, 'tokenFile'], tokenFile, readBearerToken)
    check(['transmitters', i, 'poll', 'tokenFile'], poll?.tokenFile, readBearerToken)
  }
  for (const [i, { tokenFile }] of signals.receivers.entries()) {
    check(['receivers', i, 'tokenFile'], tokenFile, readBearerToken)
  }
  return found
}
