/**
 * What `limen devices ...` asks a key service, and how it prints the answer.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { askKeyService } from '../../adapters/node/key-service-client.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type Output, show } from './asking.ts'
import { textTable } from './text-table.ts'

export interface AskDevicesOptions {
  readonly url: string
  readonly folder: string
  readonly output: Output
}

interface DeviceRow {
  readonly party: string
  readonly kind: string
  readonly state: string
  readonly since: number
  readonly epoch: number | null
  readonly step: string | null
  readonly isPresent: boolean
}

interface DeviceView extends DeviceRow {
  readonly happened: readonly {
    readonly at: number
    readonly what: string
    readonly epoch?: number
    readonly reason?: string
    readonly tookMs?: number
    readonly from?: string
  }[]
}

type Print = (text: string) => void

export async function listDevices(options: AskDevicesOptions, out: Print): Promise<void> {
  const { devices } = await ask<{ readonly devices: readonly DeviceRow[] }>(options, 'GET', '')
  show(devices, options.output, tableOf, out)
}

export async function showDevice(
  device: string,
  options: AskDevicesOptions,
  out: Print,
): Promise<void> {
  show(await ask<DeviceView>(options, 'GET', pathOf(device)), options.output, textOf, out)
}

export async function inviteDevice(
  party: string,
  options: AskDevicesOptions & { readonly transport?: true },
  out: Print,
): Promise<void> {
  const kind = options.transport === undefined ? 'device' : 'transport'
  const answer = await ask<{ readonly code: string }>(options, 'POST', '', { party, kind })
  show(answer, options.output, ({ code }) => code, out)
}

export async function rekeyDevice(
  device: string,
  options: AskDevicesOptions & { readonly anomaly?: true },
  out: Print,
): Promise<void> {
  const reason = options.anomaly === undefined ? 'hand' : 'anomaly'
  const path = `${pathOf(device)}/rekey`
  const row = await ask<DeviceRow>(options, 'POST', path, { reason })
  show(row, options.output, (one) => tableOf([one]), out)
}

export async function revokeDevice(
  device: string,
  options: AskDevicesOptions,
  out: Print,
): Promise<void> {
  const view = await ask<DeviceView>(options, 'POST', `${pathOf(device)}/revoke`)
  show(view, options.output, textOf, out)
}

function tableOf(rows: readonly DeviceRow[]): string {
  return textTable(
    ['device', 'kind', 'state', 'at the broker', 'epoch', 'step'],
    rows.map(({ party, kind, state, isPresent, epoch, step }) => [
      ...[party, kind, state, isPresent ? 'yes' : 'no', epoch ?? '-', step ?? '-'],
    ]),
    'No devices.',
  )
}

function textOf(view: DeviceView): string {
  const rows = view.happened.map(({ at, what, epoch, reason, tookMs, from }) => [
    ...[new Date(at).toISOString(), what, epoch ?? '-', reason ?? '-'],
    ...[tookMs === undefined ? '-' : `${tookMs} ms`, from ?? '-'],
  ])
  const headings = ['when', 'what', 'epoch', 'why', 'took', 'who']
  return `${tableOf([view])}\n\n${textTable(headings, rows, 'Nothing happened yet.')}`
}

function pathOf(device: string): string {
  return `/${encodeURIComponent(device)}`
}

async function ask<T>(
  { url, folder }: AskDevicesOptions,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<T> {
  if (!/^https:\/\/[^/]+:\d+\/?$/.test(url)) throw usage(`--url ${url} is no https://host:port`)
  const [ca, token] = ['ca.pem', 'token'].map((file) => fileIn(folder, file))
  const place = { url, ca: ca ?? '', token: token ?? '' }
  return (await askKeyService(place, method, `/v1/devices${path}`, body)) as T
}

function fileIn(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch {
    throw usage(`--folder ${folder} has no ${name} that can be read`)
  }
}

function usage(text: string): LimenError {
  return new LimenError('usage', text, { side: 'operator', retry: false })
}
