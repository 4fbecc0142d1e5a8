/**
 * `pools[].scaling`: how many servers a pool should have, and what is done about it.
 *
 * @module
 */
import { z } from 'zod'
import { CONFIG_DEFAULTS } from './defaults.ts'
import { webhookFields } from './webhook-fields.ts'

const D = CONFIG_DEFAULTS.scaling
/** The curve of a forecast is an hour of minutes long. */
const AHEAD_S_MAX = 1800
/** As many as are measured of a pool, and some: each is a process here, or a machine there. */
export const SERVERS_WANTED_MAX = 256
const ARGUMENTS_MAX = 64
const ARGUMENT_MAX = 4096
const PORT_MAX = 65_535
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

const servers = z.int().min(1).max(SERVERS_WANTED_MAX)
const argument = z.string().min(1).max(ARGUMENT_MAX)
const file = z.string().min(1, 'must name a file')

const webhook = webhookFields('Is sent a POST when the number of servers wanted changes.')

const processes = z.strictObject({
  command: z
    .array(argument)
    .min(1, 'needs a program')
    .max(ARGUMENTS_MAX)
    .describe('Program and arguments, without a shell; {port} becomes the port to listen on.'),
  portFrom: z
    .int()
    .min(1024)
    .max(PORT_MAX)
    .describe('The first of as many ports on 127.0.0.1 as scaling.max says.'),
  cwd: file.optional().describe('Folder it runs in; without: that of Limen.'),
  env: z
    .record(z.string().regex(ENV_NAME), z.string().max(ARGUMENT_MAX))
    .optional()
    .describe('Variables besides those of Limen (LIMEN_ ones are not passed on). No secrets.'),
  readyPath: z
    .string()
    .regex(/^\/[!-~]*$/, 'must begin with /')
    .default(D.readyPath)
    .describe('It gets requests once GET of this answers 2xx or 3xx.'),
})

export const scalingSchema = z.strictObject({
  by: z
    .enum(['forecast', 'measured'])
    .default(D.by)
    .describe('forecast: by the upper line and what is measured; measured: without the forecast.'),
  min: servers.default(D.min).describe('Servers wanted at least, those of the list among them.'),
  max: servers.describe('And at most.'),
  startUpS: z
    .number()
    .min(0)
    .max(AHEAD_S_MAX)
    .describe('Seconds from the order of a server to its first request.'),
  marginS: z
    .number()
    .min(0)
    .max(AHEAD_S_MAX)
    .default(D.marginS)
    .describe('Seconds it shall be there earlier.'),
  utilisation: z
    .number()
    .min(0.05)
    .max(1)
    .default(D.utilisation)
    .describe('Share of what servers carry that shall be used.'),
  capacityPerServer: z
    .number()
    .gt(0)
    .max(1_000_000)
    .optional()
    .describe('Requests per second that one server carries; without: what was seen of them.'),
  webhook: webhook.optional().describe('Tells somebody else, with forecast.mode: act.'),
  processes: processes.optional().describe('Starts and stops servers here, likewise.'),
})

export type Scaling = z.output<typeof scalingSchema>
