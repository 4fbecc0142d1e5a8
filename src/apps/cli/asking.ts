/**
 * What the commands that ask a running Limen have in common: where it is, and text or JSON.
 *
 * @module
 */
import type { Command } from 'commander'
import { LimenError } from '../../ground/limen-error.ts'
import { type AdminClient, adminClient } from './admin-client.ts'
import { plain } from './text-table.ts'

export type Output = 'text' | 'json'

/** Options of every such command. */
export interface ReadOptions {
  readonly config?: string
  readonly url?: string
  readonly output: Output
  /** Calls the admin API that the options name. */
  client(): AdminClient
}

/** Adds the options; the command's action finds `client()` among them. */
export function reads(command: Command): Command {
  return command
    .option('-c, --config <file>', 'limen.yaml of the running Limen')
    .option('--url <url>', 'address of its admin API')
    .option('-o, --output <form>', 'text or json', outputOf, 'text')
    .hook('preAction', (_self, called) => {
      const { config, url } = called.opts<{ config?: string; url?: string }>()
      called.setOptionValue('client', () => adminClient({ config, url, environment: process.env }))
    })
}

export function show<T>(
  value: T,
  output: Output,
  inText: (value: T) => string,
  out: (text: string) => void,
): void {
  out(output === 'json' ? JSON.stringify(value) : inText(value))
}

/** For values of options and arguments: as written, `usage` unless a whole number in that range. */
export function wholeNumber(what: string, least: number, most: number): (text: string) => string {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most) return text
    const said = `${what} takes a whole number from ${least} to ${most}, not ${plain(text)}`
    throw new LimenError('usage', said, { side: 'operator', retry: false })
  }
}

/** Of a list: the newest or the first so many. */
export function limited(command: Command, usual: number, most = 1000): Command {
  const read = wholeNumber('--limit', 1, most)
  return command.option('--limit <n>', 'at most so many', read, String(usual))
}

/** @throws LimenError `usage` unless it is `pool/id` */
export function serverPath(server: string): string {
  const parts = server.split('/')
  if (parts.length !== 2 || parts.includes('')) {
    const text = `Name a server as pool/id, not ${server}`
    throw new LimenError('usage', text, { side: 'operator', retry: false })
  }
  return parts.map(encodeURIComponent).join('/')
}

function outputOf(text: string): Output {
  if (text === 'text' || text === 'json') return text
  throw new LimenError('usage', `-o takes text or json, not ${text}`, {
    side: 'operator',
    retry: false,
  })
}
