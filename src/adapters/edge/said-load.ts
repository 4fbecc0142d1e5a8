/**
 * What one server says of its load, as one worker hears it. Taking it down is all that is done while an answer passes; it is
 * read when somebody asks, a few times a second at most.
 *
 * @module
 */
import { type OrcaLoad, readOrcaLoad } from '../../wire/orca-load.ts'

export class SaidLoad {
  /** When the newest that can be read was said, on the clock of {@link hear}; 0 before. */
  loadAt = 0
  #load: OrcaLoad | undefined
  #heard: { readonly value: string; readonly isBinary: boolean; readonly at: number } | undefined

  /** @param value of the field, one character per octet */
  hear(value: string, isBinary: boolean, at: number): void {
    this.#heard = { value, isBinary, at }
  }

  /** The newest that can be read: of what was said since the last time, only the last is looked at. */
  load(): OrcaLoad | undefined {
    const heard = this.#heard
    if (heard === undefined) return this.#load
    this.#heard = undefined
    const load = readOrcaLoad(heard.value, heard.isBinary)
    if (load !== undefined) {
      this.#load = load
      this.loadAt = heard.at
    }
    return this.#load
  }
}
