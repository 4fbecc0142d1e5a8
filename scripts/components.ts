/**
 * The real programs our tests run against: are they here? As root the missing ones are installed with apt;
 * else it says exactly what to install, and fails. A test is never skipped because something is missing.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

interface Component {
  /** Any of these names counts. */
  readonly programs: readonly string[]
  /** Debian's package. */
  readonly debian: string
}

const COMPONENTS: readonly Component[] = [
  { programs: ['haproxy'], debian: 'haproxy' },
  { programs: ['nginx'], debian: 'nginx-light' },
  { programs: ['caddy'], debian: 'caddy' },
  { programs: ['curl'], debian: 'curl' },
  { programs: ['openssl'], debian: 'openssl' },
  { programs: ['wrk'], debian: 'wrk' },
  { programs: ['h2load'], debian: 'nghttp2-client' },
  { programs: ['slowhttptest'], debian: 'slowhttptest' },
  { programs: ['testssl', 'testssl.sh'], debian: 'testssl.sh' },
  { programs: ['nmap'], debian: 'nmap' },
  { programs: ['sslscan'], debian: 'sslscan' },
  { programs: ['gnutls-cli'], debian: 'gnutls-bin' },
  { programs: ['redis-server'], debian: 'redis-server' },
  { programs: ['python3'], debian: 'python3' },
  { programs: ['chromium', 'chromium-browser', 'google-chrome'], debian: 'chromium' },
  { programs: ['firefox-esr'], debian: 'firefox-esr' },
  { programs: ['certutil'], debian: 'libnss3-tools' },
  { programs: ['ffmpeg'], debian: 'ffmpeg' },
  { programs: ['mosquitto'], debian: 'mosquitto' },
  { programs: ['softhsm2-util'], debian: 'softhsm2' },
]
/** Servers live here, and a user's PATH often leaves them out. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin']

const missing = COMPONENTS.filter(({ programs }) => !programs.some(isHere))
if (missing.length > 0) install(missing)
const still = missing.filter(({ programs }) => !programs.some(isHere))
if (still.length > 0) {
  const packages = still.map(({ debian }) => debian).join(' ')
  console.error(`Missing for the tests: ${still.map(({ programs }) => programs[0]).join(', ')}`)
  console.error(`Install them, on Debian: apt-get update && apt-get install ${packages}`)
  process.exitCode = 1
} else console.log(`All ${COMPONENTS.length} components are here`)

function isHere(program: string): boolean {
  const { PATH = '' } = process.env
  const folders = [...PATH.split(delimiter), ...SYSTEM_FOLDERS]
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function install(components: readonly Component[]): void {
  if (process.getuid?.() !== 0 || !isHere('apt-get')) return
  const packages = components.map(({ debian }) => debian)
  console.log(`Installing ${packages.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) => spawnSync('apt-get', args, { env, stdio: 'inherit' })
  apt('update', '-q')
  apt('install', '-q', '-y', '--no-install-recommends', ...packages)
}
