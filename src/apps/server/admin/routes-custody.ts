/**
 * The custody that runs inside this Limen: nodes, keys, drills and the plan. Figures; no secret, no share.
 *
 * @module
 */
import type { LookedAfterCustody } from '../custody/look-after-custody.ts'
import { custodyView } from './custody-views.ts'
import { Problem } from './problem.ts'
import { problems } from './problem-responses.ts'
import type { AdminApp, AdminRoom } from './server.ts'

export function custodyRoutes(app: AdminApp, { custody, audit }: AdminRoom): void {
  app.get(
    '/v1/custody',
    {
      config: { right: 'figures' },
      schema: { response: { 200: custodyView, ...problems } },
    },
    async () => orElsewhere(custody).view(),
  )
  app.post(
    '/v1/custody/drills',
    {
      config: { right: 'change' },
      schema: { response: { 200: custodyView, ...problems } },
    },
    async ({ caller }) => {
      const here = orElsewhere(custody)
      audit.append({ who: caller.name, action: 'custody.drill', subject: 'all keys', detail: {} })
      await here.drillNow()
      return here.view()
    },
  )
}

function orElsewhere(custody: LookedAfterCustody | undefined): LookedAfterCustody {
  if (custody !== undefined) return custody
  throw new Problem('not-found', 'No custody nodes run here: custody.mode is not embedded')
}
