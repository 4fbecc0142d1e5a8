/**
 * Requests that were captured in tier 3: the list says what there is, and to read one is written down before it is answered. For
 * whoever may see connections and decisions.
 *
 * @module
 */
import { z } from 'zod'
import type { Capture } from '../../../ports/request-capture.ts'
import type { CaptureFeed } from '../behavior/capture-feed.ts'
import { shownSession } from '../behavior/shown-session.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'
import { decisionId as ulid } from './views.ts'

const end = z.object({ address: z.string(), port: z.number() })
const summary = {
  id: ulid,
  at: z.number().describe('Milliseconds since the Unix epoch.'),
  session: z.string().describe('The begin of its id.'),
  person: z.string().describe('Pseudonymous id, empty while nobody has said.'),
  score: z.number(),
  reasons: z.array(z.string()).readonly().describe('Codes, as they were then.'),
  client: end,
  server: end,
  protocol: z.enum(['HTTP/1.0', 'HTTP/1.1', 'HTTP/2']),
  method: z.string(),
  host: z.string(),
  path: z.string().describe('Without its query.'),
  status: z.number().describe('0: it was not answered.'),
  bodyBytes: z.number().describe('As they came.'),
  isWhole: z.boolean().describe('The request came to its end.'),
}
const captureSummary = z.object(summary)
const captureView = captureSummary.extend({
  target: z.string().describe('Path and query.'),
  fields: z
    .array(z.object({ name: z.string(), value: z.string() }))
    .readonly()
    .describe('As its server got them, without credentials.'),
  body: z.string().describe('The begin of the body, base64.'),
  keptBytes: z.number().describe('Octets in body.'),
})

export type CaptureSummary = z.output<typeof captureSummary>
export type CaptureView = z.output<typeof captureView>

export function captureRoutes(app: AdminApp, { behavior, audit }: AdminRoom): void {
  app.get(
    '/v1/captures',
    {
      config: { right: 'subjects' },
      schema: {
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(200).default(50).describe('At most so many.'),
          before: ulid.optional().describe('Only older ones than this.'),
        }),
        response: { 200: z.array(captureSummary).readonly(), ...problems },
      },
    },
    async ({ query: { limit, before } }) =>
      capturing(behavior?.captures)
        .list({ limit, ...(before === undefined ? {} : { before }) })
        .map(summaryOf),
  )
  app.get(
    '/v1/captures/:id',
    {
      config: { right: 'subjects' },
      schema: {
        params: z.strictObject({ id: ulid }),
        response: { 200: captureView, ...problems },
      },
    },
    async ({ params: { id }, caller }, reply) => {
      const capture = capturing(behavior?.captures).get(id)
      if (capture === undefined) throw new Problem('not-found', 'No such capture is kept')
      audit.append({ who: caller.name, action: 'capture.read', subject: id, detail: {} })
      reply.header('cache-control', 'no-store')
      const { target, fields, body } = capture
      return {
        ...{ ...summaryOf(capture), target, keptBytes: body.length },
        fields: fields.map(([name, value]) => ({ name, value })),
        body: Buffer.from(body).toString('base64'),
      }
    },
  )
}

function capturing(captures: CaptureFeed | undefined): CaptureFeed {
  if (captures === undefined) throw new Problem('not-found', 'behavior.capture is off')
  return captures
}

function summaryOf(capture: Capture): CaptureSummary {
  const { id, at, session, person, score, reasons, client, server, protocol } = capture
  const { method, host, target, status, bodyBytes, isWhole } = capture
  return {
    ...{ id, at, session: shownSession(session), person, score, reasons, client, server },
    ...{ protocol, method, host, path: target.split('?')[0] ?? '', status, bodyBytes, isWhole },
  }
}
