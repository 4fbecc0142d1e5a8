/**
 * A host that is told by POST, wherever a configuration names one.
 *
 * @module
 */
import { z } from 'zod'

const URL_MAX = 2048

/** @param when what it is told, as the description of its URL */
export const webhookFields = (when: string) =>
  z.strictObject({
    url: z
      .string()
      .refine(isWebhookUrl, { message: 'must be an http or https URL without a password' })
      .describe(when),
    secretFile: z
      .string()
      .min(1, 'must name a file')
      .describe('Signs it (Standard Webhooks): whsec_ and base64 of 24 to 64 bytes.'),
  })

/** http or https, and nothing secret in it: it is shown. */
export function isWebhookUrl(text: string): boolean {
  if (text.length > URL_MAX || !URL.canParse(text)) return false
  const { protocol, username, password, hostname, hash } = new URL(text)
  const isWeb = protocol === 'http:' || protocol === 'https:'
  return isWeb && hostname !== '' && username === '' && password === '' && hash === ''
}
