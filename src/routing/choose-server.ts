/**
 * Which server of a pool takes a request. Pure: loads in, an index out.
 *
 * Health is decided elsewhere (`outlier.ts`, active checks): here a server is usable or not.
 *
 * @module
 */

/** What a choice is made from. One record per server, changed in place by its owner. */
export interface ServerLoad {
  /** 0 to 256; 0 takes no new requests. */
  weight: number
  /** Requests being served now. */
  inFlight: number
  /** Up, not draining, not ejected. */
  usable: boolean
}

/** Index of no server. */
export const NO_SERVER = -1

/**
 * A usable server drawn by weight, or NO_SERVER.
 *
 * @param chance in [0, 1)
 * @param except not to be drawn: they just failed, or were drawn already
 */
export function drawByWeight(
  loads: readonly ServerLoad[],
  chance: number,
  except: number,
  other: number = NO_SERVER,
): number {
  let sum = 0
  for (let i = 0; i < loads.length; i++) {
    const load = loads[i] as ServerLoad
    if (load.usable && i !== except && i !== other) sum += load.weight
  }
  // Each takes a stretch as long as its weight.
  let left = chance * sum
  let last = NO_SERVER
  for (let i = 0; i < loads.length; i++) {
    const load = loads[i] as ServerLoad
    if (!load.usable || i === except || i === other || load.weight === 0) continue
    last = i
    left -= load.weight
    if (left < 0) return i
  }
  return last
}

/**
 * Load relative to weight. The request to come is not counted in: of two idle servers the one drawn first
 * (by weight) takes it, else the heavier would win every draw and get more than its share.
 */
function pressure(load: ServerLoad): number {
  return load.inFlight / load.weight
}

/**
 * Power of two choices (Mitzenmacher 2001): two servers drawn by weight, the less loaded one wins.
 *
 * @param chance two numbers in [0, 1)
 * @param except a server not to be taken (it just failed), or NO_SERVER
 */
export function chooseOfTwo(
  loads: readonly ServerLoad[],
  chance: readonly [number, number],
  except: number,
): number {
  const first = drawByWeight(loads, chance[0], except)
  if (first === NO_SERVER) return NO_SERVER
  const second = drawByWeight(loads, chance[1], except, first)
  if (second === NO_SERVER) return first
  return pressure(loads[second] as ServerLoad) < pressure(loads[first] as ServerLoad)
    ? second
    : first
}

/** The least requests in flight for its weight; among equals, drawn by weight. */
export function chooseLeastLoaded(
  loads: readonly ServerLoad[],
  chance: number,
  except: number,
): number {
  const drawn = drawByWeight(loads, chance, except)
  if (drawn === NO_SERVER) return NO_SERVER
  let best = drawn
  // From the drawn one on, all round: of several that are as free none is always the first.
  for (let step = 1; step < loads.length; step++) {
    const i = (drawn + step) % loads.length
    const load = loads[i] as ServerLoad
    if (!load.usable || i === except || load.weight === 0) continue
    if (pressure(load) < pressure(loads[best] as ServerLoad)) best = i
  }
  return best
}

/** Smooth weighted round robin (nginx 2012): state is one credit per server. */
export function chooseInTurn(
  loads: readonly ServerLoad[],
  credits: Float64Array,
  except: number,
): number {
  let best = NO_SERVER
  let sum = 0
  for (let i = 0; i < loads.length; i++) {
    const load = loads[i] as ServerLoad
    if (!load.usable || i === except || load.weight === 0) continue
    sum += load.weight
    credits[i] = (credits[i] as number) + load.weight
    if (best === NO_SERVER || (credits[i] as number) > (credits[best] as number)) best = i
  }
  if (best !== NO_SERVER) credits[best] = (credits[best] as number) - sum
  return best
}

/** Whether a server may take one more under the bound: `bound` times its fair share, rounded up. */
export function withinBound(loads: readonly ServerLoad[], index: number, bound: number): boolean {
  let weights = 0
  let total = 1
  for (const load of loads) {
    if (!load.usable) continue
    weights += load.weight
    total += load.inFlight
  }
  const load = loads[index] as ServerLoad
  if (!load.usable || weights === 0) return false
  return load.inFlight + 1 <= Math.ceil((bound * total * load.weight) / weights)
}
