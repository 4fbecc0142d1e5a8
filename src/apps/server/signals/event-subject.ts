/**
 * Whom a security event is about: Subject Identifiers (RFC 9493) `opaque`, `iss_sub` and `email`, and the complex subject of
 * the Shared Signals Framework (SSF 1.0, section 3.2) with a `user`, a `session`, or both. Also as older transmitters write
 * them: `subject_type`, `iss-sub`, and a complex subject that does not say so.
 *
 * @module
 */
import { z } from 'zod'

export interface EventSubject {
  /** As the application calls the user: `id`, `sub`, or the address. */
  readonly user?: string
  /** Of an `iss_sub`: who calls the user that. */
  readonly issuer?: string
  /** One session of theirs. */
  readonly session?: string
}

/** `none`: well-formed, of a kind that names nobody here. */
export type SubjectOutcome =
  | { readonly kind: 'read'; readonly subject: EventSubject }
  | { readonly kind: 'none' }
  | { readonly kind: 'bad' }

/** As ids of users are everywhere here, and as long as a URL. */
const ID_CHARS_MAX = 256
const ISSUER_CHARS_MAX = 2048
const id = z.string().min(1).max(ID_CHARS_MAX)
const opaque = z.object({ id })
const issSub = z.object({ iss: z.string().min(1).max(ISSUER_CHARS_MAX), sub: id })
const email = z.object({
  email: z
    .string()
    .max(ID_CHARS_MAX)
    .regex(/^[^@\s]+@[^@\s]+$/),
})

/** Never throws. */
export function readEventSubject(value: unknown): SubjectOutcome {
  if (!isObject(value)) return { kind: 'bad' }
  const format = formatOf(value)
  if (format === 'complex') return readComplex(value)
  if (format === undefined) return { kind: 'bad' }
  return readSimple(value, format)
}

function formatOf(value: Readonly<Record<string, unknown>>): string | undefined {
  const said = value['format'] ?? value['subject_type']
  if (typeof said === 'string') return said.replaceAll('-', '_')
  const isComplex = said === undefined && (isObject(value['user']) || isObject(value['session']))
  return isComplex ? 'complex' : undefined
}

function readSimple(value: unknown, format: string): SubjectOutcome {
  if (format === 'opaque') {
    const read = opaque.safeParse(value)
    return read.success ? { kind: 'read', subject: { user: read.data.id } } : { kind: 'bad' }
  }
  if (format === 'iss_sub') {
    const read = issSub.safeParse(value)
    if (!read.success) return { kind: 'bad' }
    return { kind: 'read', subject: { user: read.data.sub, issuer: read.data.iss } }
  }
  if (format === 'email') {
    const read = email.safeParse(value)
    return read.success ? { kind: 'read', subject: { user: read.data.email } } : { kind: 'bad' }
  }
  return { kind: 'none' }
}

/** What else it names (a device, a tenant) narrows nothing here. */
function readComplex(value: Readonly<Record<string, unknown>>): SubjectOutcome {
  const parts = { user: simplePart(value['user']), session: simplePart(value['session']) }
  if (parts.user.kind === 'bad' || parts.session.kind === 'bad') return { kind: 'bad' }
  const user = parts.user.kind === 'read' ? parts.user.subject : {}
  const session = parts.session.kind === 'read' ? parts.session.subject.user : undefined
  const subject = { ...user, ...(session === undefined ? {} : { session }) }
  return Object.keys(subject).length === 0 ? { kind: 'none' } : { kind: 'read', subject }
}

function simplePart(value: unknown): SubjectOutcome {
  if (value === undefined) return { kind: 'none' }
  if (!isObject(value)) return { kind: 'bad' }
  const format = formatOf(value)
  // It does not go on without end.
  return format === undefined || format === 'complex' ? { kind: 'bad' } : readSimple(value, format)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
