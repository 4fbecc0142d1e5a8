/**
 * `limen forecast events`: the events that the load of a running Limen is expected to follow.
 *
 * @module
 */
import type { Command } from 'commander'
import { LimenError } from '../../ground/limen-error.ts'
import type { AnnouncedEventView, AnnouncedView } from '../server/admin/forecast-views.ts'
import { type ReadOptions, reads, show } from './asking.ts'
import { plain, textTable } from './text-table.ts'

const PATH = '/v1/forecasts/events'

interface AddOptions extends ReadOptions {
  readonly start: string
  readonly end: string
  readonly pool?: string
}

/** Adds them to `forecast`; `out` takes one line or several. */
export function addEventCommands(forecast: Command, out: (text: string) => void): void {
  const events = forecast.command('events').description('announced events that load will follow')
  reads(
    events.command('list').description('those that run and those to come, and calendars'),
  ).action(async (options: ReadOptions) => {
    const found = await options.client().get<AnnouncedView>(PATH)
    show(found, options.output, announcedText, out)
  })
  reads(events.command('add <kind>').description('announce one; what events do is learned by kind'))
    .requiredOption('--start <time>', 'as 2026-11-27T00:00Z, or without a zone in that of here')
    .requiredOption('--end <time>', 'likewise, a month later at most')
    .option('--pool <name>', 'of that pool only')
    .action(async (kind: string, { start, end, pool, ...options }: AddOptions) => {
      const body = {
        ...{ kind, start: momentOf(start), end: momentOf(end) },
        ...(pool === undefined ? {} : { pool }),
      }
      const added = await options.client().send<AnnouncedEventView>('POST', PATH, body)
      show(added, options.output, ({ id }) => `Announced ${plain(kind)} as ${id}`, out)
    })
  reads(events.command('remove <id>').description('it is not to come after all')).action(
    async (id: string, options: ReadOptions) => {
      await options.client().send('DELETE', `${PATH}/${encodeURIComponent(id)}`)
      show({ removed: id }, options.output, ({ removed }) => `Removed ${plain(removed)}`, out)
    },
  )
}

export function announcedText({ events, calendars }: AnnouncedView): string {
  const table = textTable(
    ['ID', 'KIND', 'POOL', 'FROM', 'TO', 'SAID BY'],
    events.map(({ id, kind, pool, startAt, endAt, source }) => [
      ...[id, kind, pool ?? 'all', minuteOf(startAt), minuteOf(endAt), source],
    ]),
    'No events announced.',
  )
  const lines = calendars.flatMap(({ name, readAt, events: count, failure, refused, left }) => [
    `Calendar ${plain(name)}: ${readAt === null ? 'not read yet' : `${count} events, read ${minuteOf(readAt)}`}${failure === null ? '' : `; ${plain(failure)}`}${left === 0 ? '' : `; ${left} left out`}`,
    ...refused.map((why) => `  ${plain(why)}`),
  ])
  return [table, ...lines].join('\n')
}

/** RFC 3339, or less of it: a day alone begins at midnight; without a zone it is in that of here. */
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/

export function momentOf(text: string): string {
  const [, day = '', time = '00:00', zone = ''] = MOMENT.exec(text) ?? []
  const at = Date.parse(`${day}T${time}${zone}`)
  // Date.parse() takes the 31st of every month.
  const isDay = Number.isFinite(at) && new Date(`${day}T00:00Z`).toISOString().startsWith(day)
  if (isDay) return new Date(at).toISOString()
  throw new LimenError('usage', `A time is written as 2026-11-27T00:00Z, not ${plain(text)}`, {
    side: 'operator',
    retry: false,
  })
}

function minuteOf(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}
