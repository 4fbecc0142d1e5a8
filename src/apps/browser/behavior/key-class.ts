/**
 * The class of a key: all that is told of which key it was.
 *
 * @module
 */
import type { KeyClass } from '../../../wire/behavior-batch.ts'

/** What of a KeyboardEvent says so. */
export interface KeyPressed {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  getModifierState(name: string): boolean
}

export function keyClassOf(event: KeyPressed): KeyClass {
  const { key } = event
  if (MODIFIERS.test(key)) return 'modifier'
  if (EDITING.test(key)) return 'edit'
  if (NAVIGATION.test(key)) return 'navigation'
  // A shortcut types nothing. AltGraph says that control and alt are down too.
  const isShortcut = (event.ctrlKey || event.metaKey) && !event.getModifierState('AltGraph')
  if (isShortcut || [...key].length !== 1) return 'other'
  if (/\p{L}|\p{M}/u.test(key)) return 'letter'
  if (/\p{N}/u.test(key)) return 'digit'
  return /\s/.test(key) ? 'space' : 'punctuation'
}

/** Names of UI Events KeyboardEvent key Values. */
const MODIFIERS =
  /^(?:Alt|AltGraph|CapsLock|Control|Fn|FnLock|Hyper|Meta|NumLock|OS|ScrollLock|Shift|Super|Symbol|SymbolLock)$/
const EDITING = /^(?:Backspace|Clear|Delete|Enter|Insert|Redo|Undo)$/
const NAVIGATION = /^(?:Arrow(?:Down|Left|Right|Up)|End|Escape|Home|Page(?:Down|Up)|Tab)$/
