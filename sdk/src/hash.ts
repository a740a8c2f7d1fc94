// The entry `@tidegate/client/hash`: keys without personal data in clear.
import { TidegateError } from './error.js'
import type { Key } from './shapes.js'

/** SHA-256 of a text, in hexadecimal digits. Browsers have it on https pages and localhost only. */
export async function hash (text: string): Promise<string> {
  const subtle = globalThis.crypto?.subtle
  if (!subtle) throw new TidegateError('invalid_options', 'hashing needs a page on https or localhost')
  const digest = await subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * The key with these fields hashed, or all its texts when none is named: `await hashKey({ email })`.
 *
 * The same text has the same hash, so write it the same way everywhere (`email.trim().toLowerCase()`). A hash hides an address
 * from who reads a list of jobs; it does not hide it from who can guess addresses.
 */
export async function hashKey (key: Key, ...fields: string[]): Promise<Key> {
  const missing = fields.find(field => typeof key[field] !== 'string')
  if (missing) throw new TidegateError('invalid_options', `hashKey: the key has no text named ${missing}`)
  const entries = Object.entries(key).map(async ([field, value]) => [
    field,
    typeof value === 'string' && (fields.length === 0 || fields.includes(field)) ? await hash(value) : value
  ])
  return Object.fromEntries(await Promise.all(entries))
}
