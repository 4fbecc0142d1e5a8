/**
 * GREASE (RFC 8701): values 0x0A0A, 0x1A1A, ... 0xFAFA that mean nothing and must be ignored.
 *
 * @module
 */

export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}
