import type { UapiBeliefs } from '../../guest-agent/protocol.ts'
import { type UapiHeaders, uapiIoctls, withoutComments } from './uapi-names.ts'

/** A C file that compiles where the beliefs hold, as lines. */
export interface UapiAssertions {
  readonly lines: readonly string[]
  /** Line number, from 1 -> what does not hold when the compiler refuses that line. */
  readonly meanings: ReadonlyMap<number, string>
}

/** Nothing is asserted of structs, ioctls and constants that these headers do not have. */
export const uapiAssertions = (headers: UapiHeaders, { structs, ioctls, constants }: UapiBeliefs): UapiAssertions => {
  const words = wordsOf(headers)
  const lines = ['#include <stddef.h>', ...Object.keys(headers).map((name) => `#include <linux/${name}>`)]
  const meanings = new Map<number, string>()
  const assert = (holds: string, meaning: string): void => {
    lines.push(`_Static_assert(${holds}, "");`)
    meanings.set(lines.length, meaning)
  }
  for (const { name, size, fields } of structs.filter((struct) => words.has(struct.name))) {
    // A struct may grow at its end; what is new there is told as a field that nobody knows.
    assert(`sizeof(struct ${name}) >= ${size}`, `struct ${name} has less than ${size} bytes`)
    for (const field of fields) {
      assert(`offsetof(struct ${name}, ${field.name}) == ${field.offset}`, `struct ${name}: ${field.name} is not at offset ${field.offset}`)
      assert(`sizeof(((struct ${name} *)0)->${field.name}) == ${field.bytes}`, `struct ${name}: ${field.name} has not ${field.bytes} bytes`)
    }
  }
  for (const [name, value] of Object.entries({ ...ioctls, ...constants }).filter(([each]) => words.has(each))) {
    assert(`(int)${name} == (int)${value}`, `${name} is not ${value}`)
  }
  return { lines: [...lines, ''], meanings }
}

/** What the headers define and no belief is about: ioctls, features, and fields of structs that there is a belief about. */
export const strangersOf = (headers: UapiHeaders, { structs, ioctls, constants }: UapiBeliefs): readonly string[] => {
  const known = new Set([...Object.keys(ioctls), ...Object.keys(constants).map((name) => name.replace(/^VFIO_DEVICE_FEATURE_/, 'VFIO_DEVICE_FEATURE/'))])
  const code = Object.values(headers).map(withoutComments).join('\n')
  return [
    ...uapiIoctls(headers).filter((name) => !known.has(name) && !OTHER_MACHINES.test(name)),
    ...structs.flatMap((struct) => fieldsOf(code, struct.name)
      .filter((field) => !struct.fields.some(({ name }) => name === field) && !FILLING.test(field))
      .map((field) => `struct ${struct.name}: ${field}`)),
  ]
}

/** Ioctls of PowerPC's IOMMUs, which no machine of the lab has. */
const OTHER_MACHINES = /^VFIO_(IOMMU_SPAPR_|EEH_)/
/** Fields without a meaning. */
const FILLING = /^(_*reserved\d*|_*pad\d*)$/

const wordsOf = (headers: UapiHeaders): ReadonlySet<string> => new Set(Object.values(headers).join('\n').match(/\w+/g))

/** Names of a struct's fields, those of structs and unions inside of it too, flexible arrays not. */
const fieldsOf = (code: string, struct: string): readonly string[] => {
  const start = new RegExp(`\\bstruct\\s+${struct}\\s*\\{`).exec(code)
  if (start === null) return []
  const body = code.slice(start.index + start[0].length, endOfBlock(code, start.index + start[0].length))
  // Constants are #defined between the fields.
  return body.replace(/^[ \t]*#.*$/gm, '').matchAll(/(\w+)\s*(\[\s*(\w*)\s*\])?\s*[,;]/g)
    .flatMap(([, name = '', array, length]) => (array !== undefined && length === '' ? [] : [name])).toArray()
}

const endOfBlock = (code: string, from: number): number => {
  let depth = 1
  for (let at = from; at < code.length; at += 1) {
    if (code[at] === '{') depth += 1
    if (code[at] === '}') depth -= 1
    if (depth === 0) return at
  }
  return code.length
}
