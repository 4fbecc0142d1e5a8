/** SRTP of werift, as {@link PacketCipher}. @module */
import { ProtectionProfileAeadAes128Gcm, RtpHeader, SrtpSession } from 'werift'
import type { MasterKey } from '../../src/adapters/media/srtp-key.ts'
import type { PacketCipher } from '../srtp-rounds.ts'

export function weriftCipher({ key, salt }: MasterKey): PacketCipher {
  const [masterKey, masterSalt] = [Buffer.from(key), Buffer.from(salt)]
  const keys = {
    ...{ localMasterKey: masterKey, localMasterSalt: masterSalt },
    ...{ remoteMasterKey: masterKey, remoteMasterSalt: masterSalt },
  }
  const [sender, receiver] = [0, 0].map(
    () => new SrtpSession({ keys, profile: ProtectionProfileAeadAes128Gcm }),
  ) as [SrtpSession, SrtpSession]
  return {
    protect: (packet) => sender.encrypt(packet.subarray(12), RtpHeader.deSerialize(packet)),
    unprotect: (packet) => receiver.decrypt(packet),
  }
}
