/**
 * Calls at each whole multiple of a step since the epoch, a little late: steps of all who count so are the same ones.
 *
 * @module
 */
export function atMultiples(ms: number, look: () => void): () => void {
  let timer: NodeJS.Timeout
  const next = (): void => {
    timer = setTimeout(
      () => {
        next()
        look()
      },
      ms - (Date.now() % ms),
    )
    timer.unref()
  }
  next()
  return () => clearTimeout(timer)
}
