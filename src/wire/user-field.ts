/**
 * What a server says of the user a request was made by, in a field of its answer (`behavior.userField`): the user's id, and
 * whether a second factor has just passed.
 *
 *     Limen-User: alice
 *     Limen-User: 4711;confirmed
 *
 * @module
 */

/** Why an id is none. Whoever has such ids says a hash of them, or encodes them. */
export type UserRefusal = 'characters' | 'too-long'

export type UserSaid =
  | {
      readonly kind: 'user'
      /** 1 to 256 visible ASCII characters but `;`. */
      readonly user: string
      readonly confirmed: boolean
    }
  /** The field is empty. */
  | { readonly kind: 'nobody' }
  | { readonly kind: 'refused'; readonly why: UserRefusal }

/** With what may stand behind an id. */
const CONFIRMED = ';confirmed'
const USER_CHARS_MAX = 256
const USER = /^[\x21-\x3a\x3c-\x7e]+$/

/** Never throws. */
export function readUserField(value: string): UserSaid {
  if (value === '') return { kind: 'nobody' }
  const confirmed = value.endsWith(CONFIRMED)
  const user = confirmed ? value.slice(0, -CONFIRMED.length) : value
  if (user.length > USER_CHARS_MAX) return { kind: 'refused', why: 'too-long' }
  if (!USER.test(user)) return { kind: 'refused', why: 'characters' }
  return { kind: 'user', user, confirmed }
}
