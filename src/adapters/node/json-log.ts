/**
 * Logs for machines (one JSON object per line) or for a person at a terminal. Never a secret: known
 * names of secrets are struck out wherever they appear, and callers pass ids and codes, not payloads.
 *
 * @module
 */
import { pino } from 'pino'

export type LogFields = Readonly<Record<string, unknown>>

/** What the rest of the program sees of it. */
export interface Log {
  debug(fields: LogFields, text: string): void
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
}

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'text'
  /** Takes one line with its line feed. */
  readonly write: (line: string) => void
}

/** Struck out at the top and one level down; pino walks no deeper. */
const SECRETS = ['token', 'key', 'keyPem', 'password', 'secret', 'authorization', 'cookie']

export function openLog({ level, format, write }: LogOptions): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'text',
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    { write: format === 'json' ? write : (line) => write(inText(line)) },
  )
}

/** Standard error, at once: a log line must not be lost because the process ends. */
export function toStandardError(line: string): void {
  process.stderr.write(line)
}

function inText(line: string): string {
  const { time, level, text, ...fields } = JSON.parse(line) as Record<string, unknown>
  const said = Object.entries(fields).map(([name, value]) => `${name}=${inWord(value)}`)
  return [String(time).slice(11, 23), String(level).padEnd(5), text, ...said].join(' ').concat('\n')
}

function inWord(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'stack' in value) return String(value.stack)
  const word = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"=]+$/.test(word) ? word : JSON.stringify(word)
}
