/**
 * How exact `limen hello` is: a folder of captures with `expected.csv` (columns
 * pcap,transport,src,srcport,dst,dstport,nth,ja4). A row is exact when the hello with its addresses,
 * ports and order has its JA4.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClientHelloFinder } from '../src/flows/find-client-hellos.ts'
import { readCapture } from '../src/wire/pcap.ts'

interface Row {
  readonly pcap: string
  /** Transport, addresses, ports and order, as text. */
  readonly key: string
  readonly ja4: string
}

export async function evalHello(dataDir: string): Promise<object> {
  const folder = [dataDir, join(dataDir, 'ja4'), join(dataDir, 'tls', 'ja4')].find((path) =>
    existsSync(join(path, 'expected.csv')),
  )
  if (folder === undefined)
    throw new Error(`Cannot find expected.csv in ${dataDir}, ja4 or tls/ja4`)
  const rows = readRows(join(folder, 'expected.csv'))
  const wrong: object[] = []
  const extra: object[] = []
  let exact = 0
  for (const pcap of new Set(rows.map((row) => row.pcap))) {
    const found = findHellos(join(folder, pcap))
    for (const row of rows.filter((row) => row.pcap === pcap)) {
      const got = found.get(row.key)
      if (got === row.ja4) exact++
      else wrong.push({ pcap, hello: row.key, expected: row.ja4, got: got ?? null })
      found.delete(row.key)
    }
    for (const [hello, ja4] of found) extra.push({ pcap, hello, ja4 })
  }
  return { rows: rows.length, exact, wrong, extra: extra.length, extras: extra }
}

function readRows(path: string): Row[] {
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split(/\r?\n/)
  const columns = (head ?? '').split(',')
  return lines.map((line) => {
    const cells = line.split(',')
    const cell = (name: string) => cells[columns.indexOf(name)] ?? ''
    const key = keyOf(
      cell('transport'),
      [cell('src'), cell('srcport')],
      [cell('dst'), cell('dstport')],
      cell('nth'),
    )
    return { pcap: cell('pcap'), key, ja4: cell('ja4') }
  })
}

type End = readonly [address: string, port: string | number]

function keyOf(transport: string, from: End, to: End, nth: string | number): string {
  return `${transport} ${from.join(' ')} > ${to.join(' ')} #${nth}`
}

/** JA4 of each hello in a capture. A file that cannot be read has none: its rows count as wrong. */
function findHellos(path: string): Map<string, string> {
  const found = new Map<string, string>()
  if (!existsSync(path)) return found
  const outcome = readCapture(readFileSync(path))
  if (outcome.kind !== 'capture') return found
  const finder = new ClientHelloFinder()
  const hellos = outcome.capture.packets.flatMap((packet) => finder.add(packet))
  for (const hello of [...hellos, ...finder.end()]) {
    const key = keyOf(
      hello.transport === 't' ? 'tcp' : 'udp',
      [hello.source, hello.sourcePort],
      [hello.destination, hello.destinationPort],
      hello.nth,
    )
    found.set(key, hello.fingerprint.ja4)
  }
  return found
}
