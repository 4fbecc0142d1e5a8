/**
 * What a server says of the user a request was made by, in a field of its answer (`behavior.userField`): the user's id, and
 * whether a second factor has just passed.
 *
 *     Limen-User: alice
 *     Limen-User: 4711;confirmed
 *
 * @module
 */

export interface UserSaid {
  /** 1 to 256 visible ASCII characters but `;`. */
  readonly user: string
  readonly confirmed: boolean
}

const USER_FIELD = /^([\x21-\x3a\x3c-\x7e]{1,256})(;confirmed)?$/

/** undefined when it is not exactly that. */
export function readUserField(value: string): UserSaid | undefined {
  const [, user, confirmed] = USER_FIELD.exec(value) ?? []
  return user === undefined ? undefined : { user, confirmed: confirmed !== undefined }
}
