/**
 * What keys of `limen.yaml` are made of: names, files, addresses, numbers.
 *
 * @module
 */
import { z } from 'zod'
import { readAddress } from './address.ts'

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62})$/i
export const HOST = /^(?:|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)$/

export const name = z.string().regex(NAME, 'must be letters, digits, ".", "_" or "-", at most 63')
export const file = z.string().min(1, 'must name a file')
export const address = z
  .string()
  .refine((text): boolean => readAddress(text) !== undefined, {
    message: 'must be host:port, an IPv6 host in square brackets',
  })
  .meta({ examples: ['127.0.0.1:8443', '[::1]:8443'] })
export const urlPath = z.string().regex(/^\//, 'must begin with /')
export const count = (max: number) => z.int().min(1).max(max)
/** A timer in Node holds 31 bits of milliseconds. */
export const ms = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
