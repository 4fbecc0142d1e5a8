/**
 * The commands about requests that were captured in tier 3, of a running Limen: `captures`.
 *
 * @module
 */
import type { Command } from 'commander'
import type { CaptureSummary, CaptureView } from '../server/admin/routes-captures.ts'
import { limited, type ReadOptions, reads, show } from './asking.ts'
import { plain, textTable } from './text-table.ts'

interface ListOptions extends ReadOptions {
  readonly limit: string
  readonly before?: string
}

/** Adds them to `program`; `out` takes one line or several. */
export function addCaptureCommands(program: Command, out: (text: string) => void): void {
  const captures = program.command('captures').description('requests captured in tier 3')
  limited(reads(captures.command('list').description('the newest first')), 20, 200)
    .option('--before <id>', 'only older ones than this')
    .action(async (options: ListOptions) => {
      const query = new URLSearchParams({ limit: options.limit })
      if (options.before !== undefined) query.set('before', options.before)
      const found = await options.client().get<readonly CaptureSummary[]>(`/v1/captures?${query}`)
      show(found, options.output, captureTable, out)
    })
  reads(
    captures.command('show <id>').description('one request; reading it is in the audit log'),
  ).action(async (id: string, options: ReadOptions) => {
    const found = await options.client().get<CaptureView>(`/v1/captures/${encodeURIComponent(id)}`)
    show(found, options.output, captureText, out)
  })
}

function captureTable(captures: readonly CaptureSummary[]): string {
  return textTable(
    ['ID', 'AT', 'SESSION', 'FROM', 'REQUEST', 'STATUS', 'BYTES', 'SCORE', 'REASONS'],
    captures.map((one) => [
      one.id,
      new Date(one.at).toISOString().slice(0, 19).replace('T', ' '),
      one.session,
      one.client.address,
      `${one.method} ${one.host}${one.path}`,
      one.status || '-',
      one.bodyBytes,
      one.score.toFixed(1),
      one.reasons.join(' ') || '-',
    ]),
    'No captures.',
  )
}

/** As it came, but for what would steer a terminal. */
function captureText(capture: CaptureView): string {
  const { method, target, protocol, fields, body, bodyBytes, keptBytes, isWhole } = capture
  const text = Buffer.from(body, 'base64').toString('utf8')
  const rest = bodyBytes > keptBytes ? [`(${bodyBytes - keptBytes} more bytes)`] : []
  return [
    ...[`${method} ${target} ${protocol}`, ...fields.map(({ name, value }) => `${name}: ${value}`)],
    ...(bodyBytes === 0 ? [] : ['', ...text.split(/\r?\n/)]),
    ...[...rest, ...(isWhole ? [] : ['(it did not come to its end)'])],
  ]
    .map(plain)
    .join('\n')
}
