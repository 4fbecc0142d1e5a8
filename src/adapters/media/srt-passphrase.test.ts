import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { readSrtHandshake } from '../../wire/srt-handshake.ts'
import { readSrtKeyMaterial, type SrtKeyMaterial } from '../../wire/srt-key-material.ts'
import { opensWith, srtPassphrase } from './srt-passphrase.ts'

/** Of ffmpeg with libsrt 1.5.1. */
const CAPTURED: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/srt-packets.json', import.meta.url), 'utf8'),
)
const bodyOf = (name: string) => Buffer.from(CAPTURED[name] ?? '', 'hex').subarray(16)
const PASSPHRASE = Buffer.from(CAPTURED['passphrase'] ?? '')

describe('opensWith()', () => {
  const atHandshake = readSrtHandshake(bodyOf('conclusion'))?.keyMaterial ?? assert.fail()
  const materials: readonly SrtKeyMaterial[] = [atHandshake, bodyOf('keyRequest')].map(
    (bytes) => readSrtKeyMaterial(bytes) ?? assert.fail(),
  )

  it('opens what libsrt wrapped under its passphrase, at the handshake and when keys change', async () => {
    for (const material of materials) assert.equal(await opensWith(material, PASSPHRASE), true)
  })

  it('does not open under another one, or when an octet is another', async () => {
    const other = Buffer.from('correcthorsebatterx')
    for (const material of materials) {
      assert.equal(await opensWith(material, other), false)
      const wrapped = Uint8Array.from(material.wrapped)
      wrapped[3] = (wrapped[3] ?? 0) ^ 1
      assert.equal(await opensWith({ ...material, wrapped }, PASSPHRASE), false)
    }
  })
})

describe('srtPassphrase()', () => {
  const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
  const salt = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaab', 'hex')

  it('is the vector of docs/wire/device-keys.md', () => {
    assert.equal(
      srtPassphrase({ key, salt }, 'camera-1').toString(),
      '1228804a62706261ebc99cf5ccbf9def',
    )
  })

  it('is another for each key, salt and device', () => {
    const all = [
      srtPassphrase({ key, salt }, 'camera-1'),
      srtPassphrase({ key: salt, salt }, 'camera-1'),
      srtPassphrase({ key, salt: key }, 'camera-1'),
      srtPassphrase({ key, salt }, 'camera-2'),
    ].map((one) => one.toString())
    assert.equal(new Set(all).size, all.length)
  })
})
