/**
 * The house, from the ground up. A folder may import from the folders named after it, and from
 * itself: nothing else, and no cycles. Each folder in `adapters/` and `apps/` is a room of its own:
 * rooms do not import one another, unless a line here says so. `docs/architecture.md` says why.
 *
 * @module
 */
const ENGINES = ['behavior', 'forecast', 'keys', 'routing']
const PURE = ['ground', 'math', 'wire', 'crypto', ...ENGINES, 'ports']

export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  math: ['ground'],
  wire: ['ground'],
  crypto: ['ground'],
  behavior: ['ground', 'math', 'wire', 'crypto'],
  forecast: ['ground', 'math'],
  keys: ['ground', 'math', 'wire', 'crypto'],
  routing: ['ground', 'math'],
  ports: ['ground', 'wire', ...ENGINES],
  flows: PURE,
  adapters: PURE,
  'apps/browser': ['ground', 'wire', 'keys'],
  // The client for Node runs what browsers run: WebCrypto and fetch are in both.
  'apps/client': ['ground', 'wire', 'keys', 'apps/browser'],
  'apps/console': ['ground', 'behavior', 'ports'],
  'apps/demo': [...PURE, 'adapters'],
  'apps/custody': [...PURE, 'flows', 'adapters'],
  'apps/media': [...PURE, 'flows', 'adapters'],
  'apps/custody-api': [...PURE, 'flows', 'adapters', 'apps/custody'],
  'apps/server': [...PURE, 'flows', 'adapters', 'apps/custody', 'apps/custody-api', 'apps/demo'],
  'apps/cli': [
    ...PURE,
    ...['flows', 'adapters', 'apps/custody', 'apps/custody-api', 'apps/server', 'apps/demo'],
    'apps/media',
  ],
}

/** Floors where nothing happens by itself: no I/O, no clock, no chance, no npm package but these. */
export const PURE_FLOORS: readonly string[] = [...PURE, 'flows']
export const PURE_PACKAGES: readonly string[] = ['@noble/']
