/**
 * The console: which page is shown, and which decision or profile is open beside it.
 *
 * @module
 */
import { useEffect, useState } from 'preact/hooks'
import { ClientsPage } from './pages/clients.tsx'
import { ConnectionsPage } from './pages/connections.tsx'
import { CustodyPage } from './pages/custody.tsx'
import { DecisionsPage } from './pages/decisions.tsx'
import { DevicesPage } from './pages/devices.tsx'
import { ForecastPage } from './pages/forecast.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { PeoplePage } from './pages/people.tsx'
import { SessionsPage } from './pages/sessions.tsx'
import { UpstreamsPage } from './pages/upstreams.tsx'
import { CapturePanel } from './parts/capture-panel.tsx'
import { DecisionPanel } from './parts/decision-panel.tsx'
import { PersonPanel } from './parts/person-panel.tsx'
import { ProfilePanel } from './parts/profile-panel.tsx'
import { hashOf, type Page, type Route, readRoute } from './route.ts'
import { SessionProvider } from './session.tsx'
import { Shell } from './shell.tsx'

const TITLES: Readonly<Record<Page, string>> = {
  overview: 'Overview',
  connections: 'Connections',
  clients: 'Clients',
  sessions: 'Sessions',
  people: 'People',
  decisions: 'Decisions',
  upstreams: 'Upstreams',
  forecast: 'Forecast',
  custody: 'Custody',
  devices: 'Devices',
}

export function App() {
  const route = useRoute()
  useEffect(() => {
    document.title = `${TITLES[route.page]} · Limen`
  }, [route.page])
  return (
    <SessionProvider>
      <Shell page={route.page} titles={TITLES}>
        <PageBody page={route.page} />
      </Shell>
      {route.decision !== '' && (
        <DecisionPanel
          key={route.decision}
          id={route.decision}
          onClose={() => {
            location.hash = hashOf(route.page)
          }}
        />
      )}
      {route.profile !== '' && (
        <ProfilePanel
          key={route.profile}
          id={route.profile}
          onClose={() => {
            location.hash = hashOf(route.page)
          }}
        />
      )}
      {route.person !== '' && (
        <PersonPanel
          key={route.person}
          id={route.person}
          onClose={() => {
            location.hash = hashOf(route.page)
          }}
        />
      )}
      {route.capture !== '' && (
        <CapturePanel
          key={route.capture}
          id={route.capture}
          onClose={() => {
            location.hash = hashOf(route.page)
          }}
        />
      )}
    </SessionProvider>
  )
}

function PageBody(props: { readonly page: Page }) {
  switch (props.page) {
    case 'overview':
      return <OverviewPage />
    case 'connections':
      return <ConnectionsPage />
    case 'clients':
      return <ClientsPage />
    case 'sessions':
      return <SessionsPage />
    case 'people':
      return <PeoplePage />
    case 'decisions':
      return <DecisionsPage />
    case 'upstreams':
      return <UpstreamsPage />
    case 'forecast':
      return <ForecastPage />
    case 'devices':
      return <DevicesPage />
    case 'custody':
      return <CustodyPage />
  }
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useEffect(() => {
    const onChange = (): void => setRoute(readRoute(location.hash))
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  return route
}
