/**
 * `host:port` as written in `limen.yaml`: IPv4, a name, or IPv6 in square brackets (RFC 3986, 3.2.2).
 *
 * @module
 */
import { isIPv6 } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

const SHAPE = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/

/** What `text` says, or undefined when it is not an address. Port 0 asks the system for a free one. */
export function readAddress(text: string): Address | undefined {
  const [, v6, name, digits] = SHAPE.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  if (host === undefined || port > 65535) return undefined
  if (v6 !== undefined && !isIPv6(v6)) return undefined
  return { host, port }
}

/** The inverse of {@link readAddress}. */
export function writeAddress({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only this machine can reach a socket bound to `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(host)
}
