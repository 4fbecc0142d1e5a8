/**
 * `limen hello TARGET [-o json]`: prints one line per ClientHello. TARGET is
 *
 * - a capture file, pcap or pcapng, also compressed with gzip;
 * - a file with the bytes a client sent (`.bin`: TLS records as they came over TCP);
 * - a folder of such files;
 * - `host:port`: listens there and prints every hello that arrives, until it is interrupted. Point a
 *   client at it to see its fingerprint: it is answered with a TLS alert and disconnected.
 *
 * With `--score` each hello of a file or folder also goes through a fresh engine: `hello-score.ts`.
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ja4 } from '../../behavior/handshake/ja4.ts'
import { ClientHelloFinder, type FoundHello } from '../../flows/find-client-hellos.ts'
import { TlsHelloSearch } from '../../flows/tls-hello-search.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import { readCapture } from '../../wire/pcap.ts'
import { formatHello, type HelloLine, helloLine } from './hello-line.ts'
import { newHelloScorer } from './hello-score.ts'
import { tapHellos } from './hello-tap.ts'

export interface HelloOptions {
  readonly output: 'json' | 'text'
  readonly score?: boolean
}

/** Ours: the largest capture read, before and after decompression. It is held in memory. */
const FILE_BYTES_MAX = 1 << 30

/** Returns the exit code: 0, or 1 when something could not be read (said in one line each). */
export async function runHello(
  target: string,
  options: HelloOptions,
  out: (line: string) => void,
): Promise<number> {
  const scorer = options.score === true ? newHelloScorer() : undefined
  const print: Print = (file, found) => {
    const line = helloLine(file, found)
    const scored = scorer === undefined ? line : { ...line, decision: scorer.score(file, found) }
    out(formatHello(scored, options.output))
  }
  const complain = (message: string) => {
    process.stderr.write(`limen hello: ${message}\n`)
    return 1
  }
  const kind = kindOf(target)
  if (kind !== undefined) {
    const read = kind === 'file' ? readFile : readFolder
    const code = read(target, print, complain)
    if (scorer !== undefined && options.output === 'text') out(scorer.summary())
    return code
  }
  const address = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(target)
  const port = Number(address?.[3])
  if (address === null || port > 65535) return complain(`Cannot read ${target}: no such file`)
  const printLine = (line: HelloLine) => out(formatHello(line, options.output))
  if (scorer !== undefined) return complain('--score takes a file or a folder')
  return tapHellos(address[1] ?? address[2] ?? '', port, printLine, complain)
}

type Print = (file: string, found: FoundHello) => void
type Complain = (message: string) => number

function kindOf(target: string): 'file' | 'folder' | undefined {
  const stat = statSync(target, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  return stat.isDirectory() ? 'folder' : 'file'
}

function readFolder(folder: string, print: Print, complain: Complain): number {
  const files = readdirSync(folder)
    .filter((name) => /\.(bin|pcap|pcapng|cap)(\.gz)?$/i.test(name))
    .sort()
  if (files.length === 0) return complain(`No .bin, .pcap, .pcapng or .cap file in ${folder}`)
  let worst = 0
  for (const file of files) worst = Math.max(worst, readFile(join(folder, file), print, complain))
  return worst
}

function readFile(path: string, print: Print, complain: Complain): number {
  const file = basename(path)
  let bytes: Uint8Array
  try {
    if (statSync(path).size > FILE_BYTES_MAX) return complain(`Cannot read ${path}: above 1 GiB`)
    bytes = readFileSync(path)
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      bytes = gunzipSync(bytes, { maxOutputLength: FILE_BYTES_MAX })
    }
  } catch (error) {
    return complain(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`)
  }
  if (/\.bin(\.gz)?$/i.test(file)) {
    const hellos = readRecords(bytes)
    for (const found of hellos) print(file, found)
    if (hellos.length > 0) return 0
    const outcome = new ClientHelloReader().feed(bytes, 0)
    return complain(
      `${path} holds no ClientHello: ${outcome.kind === 'error' ? outcome.code : 'incomplete'}`,
    )
  }
  const outcome = readCapture(bytes)
  if (outcome.kind === 'not_a_capture') {
    return complain(`Cannot read ${path}: it is neither a pcap nor a pcapng file`)
  }
  const { packets, damage } = outcome.capture
  const finder = new ClientHelloFinder()
  const printAll = (found: readonly FoundHello[]) => {
    for (const hello of found) print(file, hello)
  }
  for (const packet of packets) printAll(finder.add(packet))
  printAll(finder.end())
  if (finder.forgotten > 0) {
    const text = `too many hellos are begun at a time: ${finder.forgotten} were given up half-way`
    complain(`${path}: ${text}`)
  }
  if (damage === '' && finder.forgotten > 0) return 1
  return damage === '' ? 0 : complain(`${path} is damaged: ${damage}`)
}

/** A file of bytes as one client sent them, at one go. */
function readRecords(bytes: Uint8Array): FoundHello[] {
  const search = new TlsHelloSearch()
  const met = search.add({ bytes, at: 0, afterGap: false })
  const nowhere = { source: '', sourcePort: 0, destination: '', destinationPort: 0 }
  return met.map(({ hello, error }, i) => ({
    ...{ hello, error, transport: 't', stream: 0, ...nowhere, nth: i + 1, at: 0 },
    fingerprint: ja4(hello, 't'),
  }))
}
