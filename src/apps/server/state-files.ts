/**
 * What lies where inside the `data` folder.
 *
 * @module
 */
export const STATE_FILES = {
  localCa: 'local-ca',
  adminToken: 'admin-token',
  affinityKey: 'affinity.key',
  ticketKeys: 'ticket.keys',
  recordKey: 'record.key',
  recordSealed: 'record.sealed',
  custody: 'custody',
  audit: 'audit.jsonl',
  storage: 'storage',
  profiles: 'profiles',
  forecasts: 'forecasts',
  profileKey: 'profile.key',
  people: 'people',
  personKeys: 'person-keys',
  personKey: 'person.key',
  personTiers: 'person-tiers',
  captures: 'captures',
  captureKeys: 'capture-keys',
  sessionIdentity: 'session-identity.keys',
  sessionTickets: 'session-tickets.keys',
  sessionFeed: 'session-feed.log',
  clusterCa: 'cluster-ca',
  edgeAuthority: 'edge-authority.pem',
  signalKey: 'signals.key',
  signalOutbox: 'signals-outbox.log',
  signalsSeen: 'signals-seen.log',
} as const
