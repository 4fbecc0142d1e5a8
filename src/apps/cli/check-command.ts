/**
 * `limen check`: is this configuration good? Reads the files it names too; makes and changes nothing.
 *
 * @module
 */
import { checkCalendarFiles } from '../server/calendar-files.ts'
import { writeComplaint } from '../server/config/complaint.ts'
import type { Environment } from '../server/config/environment.ts'
import { readConfig } from '../server/config/read-config.ts'
import { configFile } from '../server/load-config.ts'
import { checkFiles } from '../server/material.ts'
import { EXIT } from './exit-code.ts'

/** Complaints go to `complain`, the verdict (or all of it as JSON) to `out`; returns the exit code. */
export function runCheck(
  { config, output }: { readonly config: string; readonly output: 'text' | 'json' },
  environment: Environment,
  out: (text: string) => void,
  complain: (text: string) => void,
): number {
  const outcome = readConfig(configFile(config).read(), environment)
  const complaints =
    outcome.kind === 'refused'
      ? outcome.complaints
      : [...checkFiles(outcome).complaints, ...checkCalendarFiles(outcome.config, outcome.blame)]
  if (output === 'json') out(JSON.stringify({ ok: complaints.length === 0, complaints }))
  else if (complaints.length === 0) out(`${config} is good`)
  else for (const complaint of complaints) complain(writeComplaint(complaint))
  return complaints.length === 0 ? EXIT.done : EXIT.config
}
