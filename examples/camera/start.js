// A camera, from its encoder to a player, with everything between: Mosquitto, the key service, a transport, an agent, and ffmpeg as the
// camera. One command: node examples/camera/start.js. Ctrl-C ends it all. PORTS=20000 moves its six ports (README.md).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const limen = join(here, '../../bin/limen')
const data = process.env['DATA'] ?? join(here, 'data')
const first = Number(process.env['PORTS'] ?? 19460)
const at = (offset) => `127.0.0.1:${first + offset}`
const service = `https://${at(0)}`
const asks = ['--url', service, '--folder', join(data, 'keys')]
const running = []
let isEnding = false

mkdirSync(data, { recursive: true })
process.env['PATH'] += ':/usr/sbin'
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end)

const broker = `mqtts://${at(1)}`
const keys = ['device-keys', '--folder', join(data, 'keys'), '--listen', at(0), '--broker', broker]
await start(limen, [...keys, '--rotate-every-s', '10'], 'Keys of devices')
await start('mosquitto', ['-c', join(data, 'keys/broker/mosquitto.conf')], 'running')
await party('media', 'transport-1', ['--transport'], [
  ...['--listen', at(6), '--output', `camera-1=${at(4)}`],
  // Its encoder makes a key frame a second, and none at cuts.
  ...['--watch', 'h264', '--rhythm', 'camera-1'],
])
await party('agent', 'camera-1', [], ['--listen', at(2), '--transport', at(6)])
await start('ffmpeg', [
  ...['-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30'],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30'],
  ...['-f', 'rtp', '-sdp_file', join(data, 'camera.sdp'), `rtp://${at(2)}?pkt_size=1200`],
])
while (!existsSync(join(data, 'camera.sdp'))) await pause(100)
const sdp = readFileSync(join(data, 'camera.sdp'), 'utf8')
// The camera's own words, but where its pictures come out.
writeFileSync(join(data, 'player.sdp'), sdp.replace(/^m=video \d+/m, `m=video ${first + 4}`))
console.log(`See it: ffplay -protocol_whitelist file,udp,rtp ${join(data, 'player.sdp')}`)
console.log(`Another key: ${limen} devices rekey camera-1 ${asks.join(' ')}`)
for (;;) {
  await pause(5000)
  console.log((await run(['devices', 'show', 'camera-1', ...asks])).split('\n').slice(-6).join('\n'))
}

/** With a code of its own the first time. */
async function party(kind, name, invited, options) {
  const code = join(data, `${name}.code`)
  if (!existsSync(join(data, name, 'party.json'))) {
    writeFileSync(code, await run(['devices', 'enrol', name, ...invited, ...asks]), { mode: 0o600 })
  }
  const enrols = ['--folder', join(data, name), '--service', service, '--code-file', code]
  await start(limen, [kind, ...enrols, ...options], ' at ')
}

/** Resolves when it has said `ready`; when it ends, all end. */
async function start(program, args, ready) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  const { promise, resolve } = Promise.withResolvers()
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more) => {
      said = (said + more).slice(-4000)
      if (ready !== undefined && said.includes(ready)) resolve()
    })
  }
  child.once('error', resolve)
  child.once('close', () => {
    if (!isEnding) console.error(`${program} has ended:\n${said}`)
    end()
  })
  if (ready !== undefined) await promise
}

async function run(args) {
  const child = spawn(limen, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more) => {
    text += more
  })
  await once(child, 'close')
  return text.trim()
}

function end() {
  if (isEnding) return
  isEnding = true
  for (const child of running) child.kill('SIGTERM')
  // Whoever does not follow.
  setTimeout(() => {
    for (const child of running) child.kill('SIGKILL')
    process.exit()
  }, 3000)
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
