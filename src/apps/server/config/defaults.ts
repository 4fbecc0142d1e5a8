/**
 * What `limen.yaml` means when it says nothing: one literal, units in the names, reasons beside the numbers.
 *
 * @module
 */

const SECOND = 1000
const MINUTE = 60 * SECOND
const KIB = 1024
const MIB = 1024 * KIB

export const CONFIG_DEFAULTS = {
  data: './data',
  workers: 'auto',
  log: { level: 'info', format: 'json' },
  tls: { minVersion: 'TLSv1.2', alpn: ['h2', 'http/1.1'] },
  pool: {
    /** The best of three drawn, by expected time (of two: Mitzenmacher 2001): near the best server, without herding (decision 0016). */
    choose: 'latency',
    /** Ten seconds: of a JIT's warming up most, of an outage little. */
    slowStartMs: 10 * SECOND,
    /** c = 1.25 of "Consistent hashing with bounded loads" (Mirrokni et al. 2016, section 6). */
    boundedLoad: 1.25,
    /** Off, as session keys are. */
    affinitySession: false,
    handoffState: false,
    /** Off: what servers say of their load is looked for only where they say it. */
    loadHeader: false,
    weights: 'configured',
  },
  server: { weight: 1, connectionsMax: 256, proxyProtocol: 'off', labels: [] },
  /** Two good checks up, three bad ones down: HAProxy's own defaults. */
  health: {
    path: '/',
    intervalMs: 2 * SECOND,
    timeoutMs: SECOND,
    rise: 2,
    fall: 3,
    anomalies: 'observe',
  },
  scaling: {
    by: 'forecast',
    min: 1,
    /** A step of the forecast. */
    marginS: 60,
    /** A queue that is 70 % full answers about three times as slow as an idle one, and half as many more still fit. */
    utilisation: 0.7,
    readyPath: '/',
  },
  /** Five in a row and 30 s: Envoy's own defaults. Half of a pool must stay. */
  outlier: { consecutiveFailures: 5, ejectMs: 30 * SECOND, ejectShareMax: 0.5 },
  /** What a route asks for that asks for session keys. A proof shown again to another edge is 30 s old at most. */
  routeSession: { replay: 'edge', bodyDigest: true, sealBodies: false, bearer: false },
  limits: {
    /** Open client connections per worker; at 40 KB each (the goal) 800 MB. */
    connectionsMax: 20_000,
    /** As much as nginx takes by default (4 x 8 KiB). */
    headBytes: 32 * KIB,
    /** HAProxy takes 101. Browsers send about 20. */
    headersMax: 100,
    /** RFC 9110, 4.1 wants 8000 at least. */
    urlBytes: 8 * KIB,
    bodyBytes: 100 * MIB,
    /** Most forms and API calls whole; an upload larger than that is streamed. */
    requestBufferBytes: 64 * KIB,
    /** Most pages whole, so a slow reader holds no upstream connection. */
    responseBufferBytes: 256 * KIB,
    requestsPerConnection: 10_000,
    /** RFC 9113, 6.5.2 recommends no fewer than 100. */
    h2StreamsMax: 100,
  },
  timeouts: {
    /** An honest hello takes one round trip; 5 s leaves room for three lost packets. */
    helloMs: 5 * SECOND,
    helloChunkMs: 3 * SECOND,
    tlsMs: 10 * SECOND,
    headMs: 10 * SECOND,
    /** Apache's mod_reqtimeout: 20 s, then at least 500 bytes a second. */
    bodyMs: 20 * SECOND,
    bodyBytesPerSecondMin: 500,
    readMs: 20 * SECOND,
    readBytesPerSecondMin: 500,
    /** Between two requests of a connection. */
    idleMs: MINUTE,
    connectMs: 2 * SECOND,
    firstByteMs: 30 * SECOND,
    /** Below 5 s, after which many Node servers close: we must be the first to let go. */
    upstreamIdleMs: 4 * SECOND,
    queueMs: 2 * SECOND,
    /** WebSockets usually ping every 30 s. */
    tunnelIdleMs: 5 * MINUTE,
    /** How long a drain lets connections finish; Kubernetes kills after 30 s. */
    drainMs: 25 * SECOND,
  },
  admission: {
    mode: 'observe',
    /** One honest client in a thousand (10^-3), and one in a million. */
    tier2: 3,
    tier3: 6,
    /**
     * With `mode: enforce`. Exact tests and confirmed patterns act; what must first learn what is usual here only
     * says what it would do.
     */
    detectors: {
      randomness: 'enforce',
      rarity: 'shadow',
      form: 'enforce',
      profile: 'shadow',
      rate: 'enforce',
      signature: 'enforce',
    },
    /** The share that `tier2` promises: 10^-3. */
    falsePositiveBudget: 0.001,
    onError: 'open',
    pool: { choose: 'random', region: '', members: [{ id: 'here' }] },
    rigorous: {
      /** A hundredth of `limits.connectionsMax`: what is suspicious must not take the room of others. */
      connectionsMax: 200,
      /** A person who reloads stays below it, a scanner does not. */
      perProfilePerSecond: 5,
      helloRetry: true,
      userAgentCheck: true,
      /** Off: what has no browser (an API client moved there by mistake) could not pass. */
      work: 0,
    },
    /** A month of absence; at about 1.5 KB each (see docs/operations.md) a million is 1.5 GB on disk. */
    profiles: { keepMax: 1_000_000, hotMax: 50_000, ttlHours: 30 * 24 },
    /** A month, as long as an operator remembers why. */
    signatures: { ttlHours: 30 * 24 },
  },
  sessions: {
    enabled: false,
    /** The preferred first: what the client can do of it is taken. */
    suites: ['x25519-mlkem768', 'x25519', 'p256'],
    /** A quarter of an hour: the longest a revoked ticket must be remembered. */
    ticketS: 900,
    /** An hour; four tickets' lives at least. */
    epochS: 3600,
    /** As `keys/session/rotation-policy.ts` has them. */
    rotation: { everyS: 600, leastS: 60, mostS: 43_200, perSecondMax: 1000, byLoad: true },
    groups: [{ id: 1, hosts: [] }],
    onFeedSilent: 'open',
    /** An unsafe request done twice is worse than one asked to come again. */
    onReplayError: 'closed',
    bearer: false,
    strictSupersede: true,
    /** As `flows/place-keys-ahead.ts` has them. */
    placement: { leadS: 300, keepS: 3600, groupsMax: 32 },
    /** An edge may be away for most of a day before it needs a new folder. */
    certificateS: 86_400,
    /** A port that nobody need know: the edge is in this process. */
    listen: '127.0.0.1:0',
    /** About 0.5 KB each: 50 MB. */
    keepMax: 100_000,
    /** A fifth of a core at about 0.4 ms each. */
    openPerSecondMax: 500,
  },
  cache: {
    /** Some hundred pages: 64 MB more with four workers. */
    bytesMax: 16 * 1024 * KIB,
    /** A micro-cache: a crowd costs one request, and who changes a page sees it soon. */
    secondsMax: 10,
  },
  behavior: {
    mode: 'off',
    collect: 'profile',
    /** Others noticed within 800 keys: 79 % instead of 63 (decision 0030). */
    compareWith: 'others',
    userField: 'Limen-User',
    thresholds: 'adaptive',
    /** Digits: one observation in 1000 at most, and in 100 000, of a person's own (decision 0021). */
    tier2: 3,
    tier3: 5,
    falsePositiveBudget: 0.01,
    enrol: 'first',
    /** Half an hour: as web analytics has it. */
    sessionS: 1800,
    everyMs: 10_000,
    /** A page that sends every 2 s, the least, sends 30: room for ten. An office of 500 that sends every 10 s sends 3000. */
    batchesPerMinute: { session: 300, address: 3000 },
    plainLoopback: false,
    /** A day: until the owner has been there, mostly. */
    suspicionS: 86_400,
    requestsPerSecond: 0,
    /** Off: what has no browser could not pass. */
    work: 0,
    store: 'lmdb',
    onError: 'open',
    capture: {
      /** What clients send is personal: somebody must want it. */
      enabled: false,
      /** A form, a JSON document, the begin of an upload. */
      requestBytes: 64 * KIB,
      /** Some hundred requests with bodies. */
      sessionBytes: 8 * 1024 * KIB,
      /** Who fills it up is seen in the events all the same. */
      dayBytes: 256 * 1024 * KIB,
      keepBytes: 1024 * 1024 * KIB,
      /** A week: long enough to be looked into. */
      keepS: 7 * 86_400,
      redact: [
        ...['authorization', 'proxy-authorization', 'cookie'],
        ...['x-api-key', 'x-auth-token', 'x-csrf-token'],
      ],
    },
  },
  /** Ten seconds: a revocation is late by that at most. */
  signals: { pollEveryS: 10, events: ['session-revoked', 'assurance-level-change'] },
  /** Shown first: what goes by it is for somebody to decide who has looked at it. */
  forecast: { enabled: true, mode: 'observe', calendars: [] },
  /** Decisions kept, the oldest fall out: at about 1 KB each 100 MB on disk. */
  decisions: { keepMax: 100_000, onError: 'open' },
  /** Five minutes: a machine that is busy starts five processes by then, and an operator who waits for it gives a share. */
  custody: {
    mode: 'embedded',
    unseal: 'file',
    operators: { shares: 5, threshold: 3 },
    waitS: 300,
    /** The nodes are nobody else's: who else would repair it? */
    drill: { everyS: 86_400, repair: true },
  },
  admin: { address: '127.0.0.1:9440', openToLoopback: 'nobody' },
  metrics: { address: '127.0.0.1:9441' },
} as const
