/**
 * Video sources and their keys, by way of their key service. Each change is in the audit log here, under who made it, before the service is
 * asked; the service has a log of its own.
 *
 * @module
 */
import { z } from 'zod'
import { LimenError } from '../../../ground/limen-error.ts'
import type { DeviceKeys } from '../open-devices.ts'
import { deviceDetail, devicesView, deviceView, streamView } from './device-views.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

/** As the key service names parties. */
const params = z.strictObject({ party: z.string().regex(/^[\w.-]{1,64}$/) })

export function deviceRoutes(app: AdminApp, { devices, audit }: AdminRoom): void {
  const figures = { right: 'figures' } as const
  const change = { right: 'change' } as const
  const at = (party: string, rest = '') => `/${encodeURIComponent(party)}${rest}`
  app.get(
    '/v1/devices',
    { config: figures, schema: { response: { 200: devicesView, ...problems } } },
    async () => devicesView.parse(await ask(devices, 'GET', '')),
  )
  app.get(
    '/v1/devices/:party',
    { config: figures, schema: { params, response: { 200: deviceDetail, ...problems } } },
    async ({ params: { party } }) => deviceDetail.parse(await ask(devices, 'GET', at(party))),
  )
  app.get(
    '/v1/devices/:party/stream',
    { config: figures, schema: { params, response: { 200: streamView, ...problems } } },
    async ({ params: { party } }) =>
      streamView.parse(await ask(devices, 'GET', at(party, '/stream'))),
  )
  app.post(
    '/v1/devices/:party/rekey',
    {
      config: change,
      schema: {
        params,
        body: z.strictObject({
          reason: z
            .enum(['hand', 'anomaly'])
            .describe('anomaly: somebody else may have it, so no grace.'),
        }),
        response: { 200: deviceView, ...problems },
      },
    },
    async ({ params: { party }, body, caller }) => {
      audit.append({ who: caller.name, action: 'device.rekey', subject: party, detail: body })
      return deviceView.parse(await ask(devices, 'POST', at(party, '/rekey'), body))
    },
  )
  app.post(
    '/v1/devices/:party/revoke',
    { config: change, schema: { params, response: { 200: deviceDetail, ...problems } } },
    async ({ params: { party }, caller }) => {
      audit.append({ who: caller.name, action: 'device.revoke', subject: party, detail: {} })
      return deviceDetail.parse(await ask(devices, 'POST', at(party, '/revoke')))
    },
  )
  app.post(
    '/v1/devices/:party/label',
    {
      config: change,
      schema: {
        params,
        body: z.strictObject({
          label: z
            .enum(['false-alarm', 'intrusion'])
            .describe('Of the last rotation; an intrusion without one was missed.'),
        }),
        response: { 200: deviceDetail, ...problems },
      },
    },
    async ({ params: { party }, body, caller }) => {
      audit.append({ who: caller.name, action: 'device.label', subject: party, detail: body })
      return deviceDetail.parse(await ask(devices, 'POST', at(party, '/label'), body))
    },
  )
}

async function ask(
  devices: DeviceKeys | undefined,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  if (devices === undefined) {
    throw new Problem('not-found', 'No key service is asked: devices.keyService is not configured')
  }
  try {
    return await devices.ask(method, path, body)
  } catch (error) {
    if (!(error instanceof LimenError)) throw error
    const { code, message } = error
    if (code === 'not-found') throw new Problem('not-found', message)
    if (code === 'devices.state') throw new Problem('conflict', message)
    throw new Problem('unavailable', message)
  }
}
