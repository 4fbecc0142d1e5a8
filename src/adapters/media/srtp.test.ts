import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ProtectionProfileAeadAes128Gcm, RtpHeader, SrtpSession } from 'werift'
import { SrtpReceiver } from './srtp-receiver.ts'
import { SrtpSender, STREAMS_MAX } from './srtp-sender.ts'

const SEED = 77_143_711
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 3000)
const DEVICE = { name: 'cam-1' }
const master = (octet: number) => ({
  key: new Uint8Array(16).fill(octet),
  salt: new Uint8Array(12).fill(octet + 1),
})

function rtp(sequence: number, ssrc = 7, payload = 'seen from a window'): Buffer {
  const packet = Buffer.concat([Buffer.alloc(12), Buffer.from(payload)])
  packet[0] = 0x80
  packet[1] = 96
  packet.writeUInt16BE(sequence % 65_536, 2)
  packet.writeUInt32BE(3000 * sequence, 4)
  packet.writeUInt32BE(ssrc, 8)
  return packet
}

function sender(epoch = 1): SrtpSender {
  const made = new SrtpSender()
  made.install(epoch, master(epoch))
  made.activate(epoch)
  return made
}

function receiver(...epochs: readonly number[]): SrtpReceiver<typeof DEVICE> {
  const made = new SrtpReceiver<typeof DEVICE>()
  for (const epoch of epochs) made.install(epoch, DEVICE, master(epoch))
  return made
}

function sealed(by: SrtpSender, packet: Uint8Array): Buffer {
  const out = by.protect(packet)
  if (typeof out === 'string') assert.fail(out)
  return out
}
/** What comes out, in short. */
function taken(by: SrtpReceiver<typeof DEVICE>, packet: Uint8Array): string {
  const out = by.unprotect(Buffer.from(packet))
  return out.kind === 'clean' ? out.packet.toString('hex') : out.why
}
const hexOf = (packet: Uint8Array) => Buffer.from(packet).toString('hex')

describe('SrtpSender and SrtpReceiver', () => {
  it('give back what was protected, over a turn of the sequence number and a re-key', () => {
    const from = sender(1)
    from.install(2, master(2))
    const to = receiver(1, 2)
    for (let sequence = 65_000; sequence < 2 * 65_536 + 500; sequence += 7) {
      if (sequence > 66_000) from.activate(2)
      assert.equal(taken(to, sealed(from, rtp(sequence))), hexOf(rtp(sequence)))
    }
    assert.deepEqual(from.positions(), [[7, 131_570]])
  })

  it('agree with werift, both ways, through three turns of the sequence number', () => {
    const keys = { key: Buffer.alloc(16, 3), salt: Buffer.alloc(12, 4) }
    const session = () =>
      new SrtpSession({
        keys: {
          ...{ localMasterKey: keys.key, localMasterSalt: keys.salt },
          ...{ remoteMasterKey: keys.key, remoteMasterSalt: keys.salt },
        },
        profile: ProtectionProfileAeadAes128Gcm,
      })
    const [theirSender, theirReceiver] = [session(), session()]
    const ours = sender(3)
    const to = receiver(3)
    const mki = Buffer.from([0, 0, 0, 3])
    // It takes a turn for one only when no more than 100 packets are lost at it.
    for (let sequence = 0; sequence < 3 * 65_536; sequence += 61) {
      const plain = rtp(sequence)
      const header = RtpHeader.deSerialize(plain)
      const theirs = theirSender.encrypt(plain.subarray(12), header)
      const mine = sealed(ours, plain)
      assert.equal(hexOf(mine), hexOf(Buffer.concat([theirs, mki])))
      assert.equal(taken(to, Buffer.concat([theirs, mki])), hexOf(plain))
      const [opened] = [theirReceiver.decrypt(mine.subarray(0, -4))].flat()
      assert.equal(hexOf(opened as Buffer), hexOf(plain))
    }
  })

  it('take no packet twice, and none that is older than the window', () => {
    const from = sender()
    const to = receiver(1)
    const packets = Array.from({ length: 1100 }, (_, i) => sealed(from, rtp(i)))
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = packets
    assert.equal(taken(to, second), hexOf(rtp(1)))
    assert.equal(taken(to, second), 'replay')
    assert.equal(taken(to, first), hexOf(rtp(0)))
    for (const packet of packets.slice(50)) assert.notEqual(taken(to, packet), 'replay')
    assert.equal(taken(to, packets[40] as Buffer), 'replay')
  })

  it('send nothing twice under one key, and go on from a lower number under the next', () => {
    const from = sender(1)
    const to = receiver(1, 2)
    for (const at of [40_000, 40_001]) taken(to, sealed(from, rtp(at)))
    assert.equal(from.protect(rtp(40_001)), 'used')
    // An encoder that begins anew.
    assert.equal(from.protect(rtp(20_000)), 'used')
    from.install(2, master(2))
    from.activate(2)
    assert.equal(taken(to, sealed(from, rtp(20_000))), hexOf(rtp(20_000)))
    assert.equal(taken(to, sealed(from, rtp(20_001))), hexOf(rtp(20_001)))
    assert.equal(from.activate(2), true)
    assert.equal(from.protect(rtp(20_001)), 'used')
    assert.throws(() => from.install(2, master(2)), RangeError)
  })

  it('find each other again when more than half a turn was lost, under one key and under the next', () => {
    const from = sender(1)
    const to = receiver(1, 2)
    taken(to, sealed(from, rtp(100)))
    for (const [sequence, epoch] of [
      [40_000, 1],
      [75_000, 1],
      [120_000, 2],
      [190_000, 2],
    ] as const) {
      // The sender itself must see each half turn, or it would not count.
      for (let at = sequence - 65_536; at < sequence; at += 20_000) {
        if (at > 100) from.protect(rtp(at))
      }
      if (epoch === 2) {
        if (sequence === 120_000) from.install(2, master(2))
        from.activate(2)
      }
      const outcomes = Array.from({ length: 8 }, (_, i) =>
        taken(to, sealed(from, rtp(sequence + i))),
      )
      assert.equal(outcomes.at(-1), hexOf(rtp(sequence + 7)), `${sequence}: ${outcomes}`)
    }
  })

  it('find a stream that was there for long before this receiver, and take none of it twice', () => {
    const from = sender(1)
    for (let at = 0; at < 20 * 65_536; at += 20_000) from.protect(rtp(at))
    const to = receiver(1)
    const packets = Array.from({ length: 150 }, (_, i) => sealed(from, rtp(20 * 65_536 + i)))
    const outcomes = packets.map((packet) => taken(to, packet))
    const at = outcomes.findIndex((one) => one !== 'auth')
    assert.ok(at >= 0 && at < 120, `${at}`)
    assert.deepEqual(new Set(outcomes.slice(0, at)), new Set(['auth']))
    for (let i = at; i < 150; i++) {
      assert.equal(outcomes[i], hexOf(rtp(20 * 65_536 + i)))
      assert.equal(taken(to, packets[i] as Buffer), 'replay')
    }
  })

  it('find a sender whose counter began anew under the next key, and then what is past no more', () => {
    const from = sender(1)
    const to = receiver(1, 2)
    for (let at = 0; at < 3 * 65_536; at += 20_000) taken(to, sealed(from, rtp(at)))
    const anew = new SrtpSender()
    anew.install(2, master(2))
    anew.activate(2)
    const outcomes = Array.from({ length: 16 }, (_, i) => taken(to, sealed(anew, rtp(50 + i))))
    assert.equal(outcomes.at(-1), hexOf(rtp(65)))
  })

  it('forget of too many streams the one that was not seen for longest', () => {
    const from = sender(1)
    const to = receiver(1)
    for (let at = 0; at < 65_636; at += 20_000) taken(to, sealed(from, rtp(at)))
    for (let epoch = 2; epoch < 14; epoch++) {
      from.install(epoch, master(epoch))
      to.install(epoch, DEVICE, master(epoch))
      from.activate(epoch)
      const video = 65_636 + epoch
      assert.equal(taken(to, sealed(from, rtp(video))), hexOf(rtp(video)), `${epoch}`)
      for (const ssrc of [2 * epoch + 100, 2 * epoch + 101]) {
        assert.equal(taken(to, sealed(from, rtp(1, ssrc))), hexOf(rtp(1, ssrc)))
      }
      to.retire(epoch)
    }
  })

  it('go on with the rollover counter after a restart of the sender', () => {
    const before = sender(1)
    const to = receiver(1, 2)
    for (const at of [65_000, 65_600]) taken(to, sealed(before, rtp(at)))
    const after = new SrtpSender(before.positions())
    assert.equal(after.protect(rtp(65_900)), 'inactive')
    after.install(2, master(2))
    after.activate(2)
    assert.equal(taken(to, sealed(after, rtp(65_900))), hexOf(rtp(65_900)))
    assert.deepEqual(after.positions(), [[7, 65_900]])
  })

  it('tell packets of an earlier epoch that come late', () => {
    const from = sender(1)
    from.install(2, master(2))
    const [a, b] = [sealed(from, rtp(1)), sealed(from, rtp(2))]
    from.activate(2)
    const c = sealed(from, rtp(3))
    const to = receiver(1, 2)
    const late = [a, c, b].map((packet) => {
      const out = to.unprotect(packet)
      return out.kind === 'clean' ? out.isLate : out.why
    })
    assert.deepEqual(late, [false, false, true])
    to.retire(1)
    assert.equal(taken(to, a), 'unknown')
  })

  it('limit the SSRCs of an epoch', () => {
    const from = sender()
    for (let ssrc = 0; ssrc < STREAMS_MAX; ssrc++) sealed(from, rtp(1, ssrc))
    assert.equal(from.protect(rtp(1, 99)), 'streams')
    const to = receiver(1)
    const others = [sender(), sender()]
    for (let ssrc = 0; ssrc < STREAMS_MAX + 1; ssrc++) {
      const by = others[ssrc === STREAMS_MAX ? 1 : 0] as SrtpSender
      const wanted = ssrc === STREAMS_MAX ? 'streams' : hexOf(rtp(1, ssrc))
      assert.equal(taken(to, sealed(by, rtp(1, ssrc))), wanted)
    }
  })

  it('end with the last index of 48 bits', () => {
    const from = new SrtpSender([[7, 2 ** 48 - 2]])
    from.install(1, master(1))
    from.activate(1)
    assert.equal(typeof from.protect(rtp(65_535)), 'object')
    assert.equal(from.protect(rtp(0)), 'spent')
  })

  it('protect RTCP, once each', () => {
    const report = Buffer.from('80c9000100000007', 'hex')
    const from = sender()
    const to = receiver(1)
    const [first, second] = [sealed(from, report), sealed(from, report)]
    assert.notEqual(hexOf(first), hexOf(second))
    assert.equal(taken(to, second), hexOf(report))
    assert.equal(taken(to, first), hexOf(report))
    assert.equal(taken(to, first), 'replay')
    const clear = Buffer.from(first)
    clear[report.length + 16] = 0
    assert.equal(taken(to, clear), 'malformed')
  })

  it('drop whatever is changed, and remember nothing of it', () => {
    const good = sealed(sender(), rtp(5))
    const rtcp = sealed(sender(), Buffer.from('80c9000100000007', 'hex'))
    const seen = new Map<string, number>()
    const spoilt = fc.tuple(
      fc.constantFrom(good, rtcp),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.nat(),
    )
    fc.assert(
      fc.property(spoilt, ([packet, changes, cut]) => {
        const bytes = Buffer.from(packet)
        for (const [where, change] of changes) {
          const at = where % bytes.length
          bytes[at] = (bytes[at] ?? 0) ^ change
        }
        const short = cut % 5 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes
        const to = receiver(1)
        const out = taken(to, short)
        if (short.equals(packet)) return
        assert.ok(['malformed', 'unknown', 'auth'].includes(out), out)
        seen.set(out, (seen.get(out) ?? 0) + 1)
        assert.equal(taken(to, packet).length > 9, true)
      }),
      { seed: SEED, numRuns: RUNS },
    )
    for (const why of ['malformed', 'unknown', 'auth']) assert.ok((seen.get(why) ?? 0) > 50, why)
  })
})
