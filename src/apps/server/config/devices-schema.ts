/**
 * `devices`: the key service of video sources that the admin API and the console ask (docs/wire/device-keys.md).
 *
 * @module
 */
import { z } from 'zod'
import { file } from './words.ts'

const SERVICE = /^https:\/\/(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i

export const devicesSchema = z.strictObject({
  keyService: z
    .string()
    .regex(SERVICE, 'must be https://host:port')
    .describe('Where limen device-keys answers.'),
  caFile: file.describe('PEM of its authority: ca.pem of its folder.'),
  tokenFile: file.describe('The token of its operators: token of its folder.'),
})
