import { Errno } from '../sys/errno.ts'
import { takeLastCall } from '../sys/last-call.ts'

/** What a case says when the kernel did not do what it must. */
export class Failed extends Error {
  override readonly name = 'Failed'
}

export const ok = (holds: boolean, what: string): void => {
  if (!holds) throw new Failed(what)
}

/** Compares numbers, bigints, strings, booleans, bytes, arrays and plain objects of those by value. */
export const equal = <T>(actual: T, expected: T, what: string): void => {
  const is = show(actual)
  const should = show(expected)
  if (is !== should) throw new Failed(`${what}: ${should} expected, got ${is}`)
}

/** Compares memory; the message tells the first byte that differs. */
export const equalBytes = (actual: Uint8Array, expected: Uint8Array, what: string): void => {
  if (actual.byteLength !== expected.byteLength) throw new Failed(`${what}: ${expected.byteLength} bytes expected, got ${actual.byteLength}`)
  const at = actual.findIndex((byte, index) => byte !== expected[index])
  if (at === -1) return
  throw new Failed(`${what}: differs from byte ${at} on: ${hex(expected.subarray(at, at + 8))} expected, got ${hex(actual.subarray(at, at + 8))}`)
}

/**
 * The function must be refused by the kernel with this error (or one of these); returns the refusal.
 * What it opened against expectation is closed.
 */
export const expectErrno = (codes: string | readonly string[], run: () => unknown): Errno => {
  takeLastCall()
  let result: unknown
  try {
    result = run()
  } catch (error) {
    return refusal(codes, error)
  }
  throw succeeded(codes, result)
}

/** The same for something asynchronous. */
export const rejectsErrno = async (codes: string | readonly string[], run: () => Promise<unknown>): Promise<Errno> => {
  takeLastCall()
  let result: unknown
  try {
    result = await run()
  } catch (error) {
    return refusal(codes, error)
  }
  throw succeeded(codes, result)
}

const refusal = (codes: string | readonly string[], error: unknown): Errno => {
  if (!(error instanceof Errno)) throw error
  if ([codes].flat().includes(error.code)) return error
  throw new Failed(`${error.call}: ${[codes].flat().join(' or ')} expected, got ${error.code}`)
}

const succeeded = (codes: string | readonly string[], result: unknown): Failed => {
  const call = takeLastCall()
  if (isDisposable(result)) result[Symbol.dispose]()
  return new Failed(`${call}: ${[codes].flat().join(' or ')} expected, got success`)
}

const isDisposable = (value: unknown): value is Disposable => typeof value === 'object' && value !== null && Symbol.dispose in value

const show = (value: unknown): string => {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value).map(([key, entry]) => `${key}: ${show(entry)}`).join(', ')} }`
  }
  return typeof value === 'string' ? `'${value}'` : String(value)
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
