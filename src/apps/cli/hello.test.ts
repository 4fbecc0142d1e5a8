import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ipv4, pcapFile, pcapngFile, tcp } from '../../../test/fixtures/capture-bytes.ts'
import { capturedHello } from '../../../test/fixtures/hello-bytes.ts'
import { runHello } from './hello.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-hello-'))
after(() => rmSync(folder, { recursive: true }))

const PACKET = ipv4(6, tcp(1, [...capturedHello('curl-openssl-001')]))

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** Runs the command; its complaints go to standard error, which is caught here. */
async function run(target: string, output: 'json' | 'text' = 'json', score = false) {
  const lines: string[] = []
  const complaints: string[] = []
  const { write } = process.stderr
  process.stderr.write = (text: string | Uint8Array) => {
    complaints.push(String(text))
    return true
  }
  try {
    const code = await runHello(target, { output, score }, (line) => lines.push(line))
    return { code, lines, complaints }
  } finally {
    process.stderr.write = write
  }
}

describe('runHello() with score', () => {
  it('says of each hello what a fresh engine decides, and sums up by profile', async () => {
    const runs = mkdtempSync(join(folder, 'runs-'))
    for (const name of ['scan-001.bin', 'scan-002.bin', 'other-001.bin']) {
      const hello = name.startsWith('scan') ? 'curl-openssl-001' : 'gnutls-cli-001'
      writeFileSync(join(runs, name), capturedHello(hello))
    }
    const { lines } = await run(runs, 'json', true)
    const decisions = lines.map((line) => {
      const { file, decision } = JSON.parse(line)
      return [file, decision.tier, decision.reasons[0]?.code]
    })
    // The same random a second time: nobody honest does that.
    assert.deepEqual(decisions, [
      ['other-001.bin', 1, undefined],
      ['scan-001.bin', 1, undefined],
      ['scan-002.bin', 3, 'random-repeated'],
    ])
    const text = (await run(runs, 'text', true)).lines.join('\n')
    assert.match(text, /tier 3, score \d+\.\d\d random-repeated/)
    assert.match(text, /\nPROFILE +CLIENT +HELLOS +FLAGGED/)
    assert.match(text, /\n[0-9a-f]{16} +curl \(OpenSSL\) +2 +1 +2 /)
  })

  it('takes no address', async () => {
    const { code, complaints } = await run('127.0.0.1:0', 'text', true)
    assert.deepEqual([code, complaints], [1, ['limen hello: --score takes a file or a folder\n']])
  })
})

describe('runHello()', () => {
  it('prints one JSON object per hello', async () => {
    const path = file('one.pcapng', pcapngFile([101], [{ bytes: PACKET }]))
    const { code, lines } = await run(path)
    assert.equal(code, 0)
    assert.equal(lines.length, 1)
    const { ja4_r, key_shares, ...line } = JSON.parse(lines[0] ?? '')
    assert.ok(ja4_r.startsWith('t13d3112h2_002f,'))
    assert.deepEqual(key_shares, ['x25519'])
    assert.deepEqual(line, {
      ...{ file: 'one.pcapng', stream: 0, nth: 1, transport: 'tcp' },
      ...{ src: '192.0.2.1:50000', dst: '192.0.2.2:443', at: '1970-01-01T00:16:40.000Z' },
      ja4: 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6',
      ja4_stable: 't13d3111h2_e8f1e7e78f70_375ca2c5e164',
      client: 'curl (OpenSSL)',
      sni: 'localhost',
      alpn: ['h2', 'http/1.1'],
      versions: ['TLS 1.3', 'TLS 1.2', 'TLS 1.1', 'TLS 1.0'],
      groups: [
        ...['x25519', 'secp256r1', 'x448', 'secp521r1', 'secp384r1'],
        ...['ffdhe2048', 'ffdhe3072', 'ffdhe4096', 'ffdhe6144', 'ffdhe8192'],
      ],
      ...{ resumption: false, early_data: false, ech: '', grease: false },
      ...{ records: 1, chunks: 1, bytes: 512, arrival_ms: 0 },
    })
  })

  it('prints a line of text for people', async () => {
    const { lines } = await run(file('text.pcap', pcapFile([PACKET], { linkType: 101 })), 'text')
    assert.deepEqual(lines, [
      '192.0.2.1:50000 -> 192.0.2.2:443  t13d3112h2_e8f1e7e78f70_b26ce05bbdd6  localhost  ' +
        'h2,http/1.1  curl (OpenSSL)  512 bytes in 1',
    ])
  })

  it('reads compressed captures', async () => {
    const bytes = gzipSync(pcapFile([PACKET], { linkType: 101 }))
    assert.equal((await run(file('zipped.pcap.gz', bytes))).lines.length, 1)
  })

  it('reads a folder of records', async () => {
    const { code, lines } = await run(
      new URL('../../../test/fixtures/hellos', import.meta.url).pathname,
    )
    // One of them begins with SSL 2.0 and holds none.
    assert.equal(code, 1)
    assert.equal(lines.length, 20)
    assert.equal(JSON.parse(lines[0] ?? '').file, 'chromium-001.bin')
  })

  it('prints what a damaged capture holds, and says in one line what is wrong', async () => {
    const bytes = pcapFile([PACKET, PACKET], { linkType: 101 })
    const { code, lines, complaints } = await run(file('cut.pcap', bytes.subarray(0, -5)))
    assert.equal(code, 1)
    assert.equal(lines.length, 1)
    assert.equal(complaints.length, 1)
    assert.match(complaints[0] ?? '', /is damaged: the file ends in the middle of packet 2\n$/)
  })

  it('says in one line that it cannot read a target', async () => {
    for (const [target, words] of [
      [join(folder, 'missing.pcap'), /no such file/],
      [file('text.txt', Buffer.from('hello')), /neither a pcap nor a pcapng/],
      [file('bad.pcap.gz', Uint8Array.of(0x1f, 0x8b, 1, 2)), /Cannot read/],
      [file('none.bin', Buffer.from('GET / HTTP/1.1')), /holds no ClientHello: not_tls/],
      ['localhost:99999', /Cannot read/],
    ] as const) {
      const { code, lines, complaints } = await run(target)
      assert.deepEqual([code, lines, complaints.length], [1, [], 1])
      assert.match(complaints[0] ?? '', words)
      assert.ok(!(complaints[0] ?? '').includes('    at '))
    }
  })

  it('says in one line that it cannot listen', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const { code, complaints } = await run(`127.0.0.1:${address.port}`)
    server.close()
    assert.equal(code, 1)
    assert.match(complaints[0] ?? '', /Cannot listen on 127\.0\.0\.1/)
  })
})

describe('runHello() on an address', () => {
  it('prints the hello of whoever connects, answers with an alert, and stops on SIGINT', async () => {
    const command = new URL('./hello.ts', import.meta.url).href
    const script = `import { runHello } from ${JSON.stringify(command)}
      process.exitCode = await runHello('127.0.0.1:0', { output: 'json' }, console.log)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    const exit = once(child, 'exit')
    const [said] = await once(child.stderr, 'data')
    const port = Number(/:(\d+), stop/.exec(String(said))?.[1])
    const client = connect(port, '127.0.0.1', () => client.write(capturedHello('chromium-001')))
    const [printed] = await once(child.stdout, 'data')
    const [alert] = await once(client, 'data')
    child.kill('SIGINT')
    assert.equal(JSON.parse(String(printed)).client, 'Chromium')
    assert.deepEqual([...alert], [21, 3, 3, 0, 2, 2, 40])
    assert.deepEqual(await exit, [0, null])
  })
})
