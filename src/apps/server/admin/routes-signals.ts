/**
 * Shared security signals: who tells, who is told, and what became of it. Where they come in is a listener of its own
 * (`signals/listener.ts`).
 *
 * @module
 */
import { z } from 'zod'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

const count = z.number()
const signalsView = z.object({
  transmitters: z
    .array(
      z.object({
        issuer: z.string(),
        pushes: z.boolean().describe('It may push.'),
        answers: z.boolean().exactOptional().describe('When it was asked last; absent: never.'),
      }),
    )
    .readonly(),
  received: z
    .record(z.string(), count)
    .describe('Events and refused tokens, by what became of them.'),
  receivers: z
    .array(z.object({ url: z.string(), waiting: count, sent: count, refused: count, lost: count }))
    .readonly(),
})

export function signalRoutes(app: AdminApp, { signals }: AdminRoom): void {
  app.get(
    '/v1/signals',
    {
      config: { right: 'figures' },
      schema: { response: { 200: signalsView, ...problems } },
    },
    async () => {
      if (signals === undefined) throw new Problem('not-found', 'signals names nobody')
      return signals.view()
    },
  )
}
