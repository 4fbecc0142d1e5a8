/**
 * The frame: navigation, the state of the server, and a line across the page when it does not answer.
 *
 * @module
 */
import type { ComponentChildren } from 'preact'
import { usePoll } from './api/poll.ts'
import type { Failure } from './api/request.ts'
import type { StatusView } from './api/views.ts'
import { formatDuration } from './format.ts'
import { hashOf, PAGES, type Page } from './route.ts'
import { useSession } from './session.tsx'

const STATUS_EVERY_MS = 5000
const MARK = new URL('./mark.svg', import.meta.url).href

export function Shell(props: {
  readonly page: Page
  readonly titles: Readonly<Record<Page, string>>
  readonly children: ComponentChildren
}) {
  const session = useSession()
  const status = usePoll<StatusView>('v1/status', STATUS_EVERY_MS, session.count)
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <header class="side">
        <a class="brand" href={hashOf('overview')}>
          <img src={MARK} alt="" width="26" height="26" />
          Limen
        </a>
        <nav aria-label="Pages">
          {PAGES.map((page) => (
            <a
              key={page}
              href={hashOf(page)}
              {...(page === props.page ? { 'aria-current': 'page' as const } : {})}
            >
              {props.titles[page]}
              {page === 'devices' && status.value?.devices === false && (
                <span class="quiet"> off</span>
              )}
            </a>
          ))}
        </nav>
        <ServerState status={status.value} failure={status.failure} />
      </header>
      <main id="main" tabIndex={-1}>
        {status.failure?.kind === 'offline' && (
          <p class="banner" role="alert">
            Limen does not answer. What you see is the last it said; trying again.
          </p>
        )}
        <h1>{props.titles[props.page]}</h1>
        {props.children}
      </main>
    </div>
  )
}

function ServerState(props: {
  readonly status: StatusView | undefined
  readonly failure: Failure | undefined
}) {
  const { status, failure } = props
  const state = stateOf(status, failure)
  return (
    <div class="server-state">
      <span class={`dot dot-${state.replace(' ', '-')}`} aria-hidden="true" />
      <span>
        <strong class="state-name">{state}</strong>
        {status !== undefined && (
          <span class="quiet">
            {' '}
            {status.version}, up {formatDuration(Date.now() - status.startedAt)}
          </span>
        )}
      </span>
    </div>
  )
}

function stateOf(status: StatusView | undefined, failure: Failure | undefined): string {
  if (failure?.kind === 'offline') return 'offline'
  if (failure?.kind === 'unauthorised') return 'signed out'
  return status?.state ?? 'connecting'
}
