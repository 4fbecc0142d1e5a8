/**
 * How many sessions may be opened: agreeing on a key costs a good part of a millisecond, so a flood of first messages
 * must neither crowd out the control plane nor, from one address, other people.
 *
 * @module
 */

export interface OpeningRate {
  /**
   * May one more be opened now? Counts it.
   *
   * @param address of who asks; '' when that is not known
   * @param now milliseconds
   */
  admit(address: string, now: number): boolean
}

/** One address gets so much of the whole. */
const ADDRESS_SHARE = 0.1
/** Addresses remembered: those of a second, several times over. */
const ADDRESSES_MAX = 10_000

interface Bucket {
  tokens: number
  at: number
}

/** Token buckets of one second's worth. */
export function openingRate(perSecondMax: number): OpeningRate {
  const whole: Bucket = { tokens: perSecondMax, at: 0 }
  const perAddress = Math.max(1, perSecondMax * ADDRESS_SHARE)
  const addresses = new Map<string, Bucket>()
  return {
    admit(address, now) {
      refill(whole, perSecondMax, now)
      if (whole.tokens < 1) return false
      if (address !== '') {
        const bucket = addresses.get(address) ?? { tokens: perAddress, at: now }
        addresses.delete(address)
        addresses.set(address, bucket)
        if (addresses.size > ADDRESSES_MAX) addresses.delete(addresses.keys().next().value ?? '')
        refill(bucket, perAddress, now)
        if (bucket.tokens < 1) return false
        bucket.tokens--
      }
      whole.tokens--
      return true
    },
  }
}

function refill(bucket: Bucket, perSecond: number, now: number): void {
  const passed = Math.max(0, now - bucket.at) / 1000
  bucket.tokens = Math.min(perSecond, bucket.tokens + passed * perSecond)
  bucket.at = Math.max(bucket.at, now)
}
