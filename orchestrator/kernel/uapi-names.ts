import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../host/unless-missing.ts'

const HEADERS = ['vfio.h', 'iommufd.h']

/** The uapi headers of VFIO and IOMMUFD, file name -> text; one that is missing is not in it. */
export type UapiHeaders = Readonly<Record<string, string>>

export const headersOfTree = (tree: string): Promise<UapiHeaders> => readHeaders(join(tree, 'include', 'uapi', 'linux'))

/** @param folder the one that holds the headers, which is `linux` wherever they are installed */
export const readHeaders = async (folder: string): Promise<UapiHeaders> => {
  const texts = await Promise.all(HEADERS.map(async (header) => [header, await unlessMissing(readFile(join(folder, header), 'utf8'))] as const))
  return Object.fromEntries(texts.filter((entry): entry is readonly [string, string] => entry[1] !== undefined))
}

/** Names #defined or enumerated by these headers, sorted. */
export const uapiNames = (headers: UapiHeaders): readonly string[] => [...new Set(Object.values(headers).flatMap(headerNames))].toSorted()

/**
 * The ioctls that these headers define, in their order; of VFIO_DEVICE_FEATURE each feature too, as `VFIO_DEVICE_FEATURE/DMA_BUF`: what is
 * #defined as a plain decimal number with nothing behind it. Masks are hexadecimal, flags shifted, and what a feature's fields may hold is indented.
 */
export const uapiIoctls = (headers: UapiHeaders): readonly string[] => Object.values(headers).flatMap((text) => {
  const ioctls = text.matchAll(/^[ \t]*#[ \t]*define[ \t]+((?:VFIO|IOMMU)_\w+)[ \t]+_IO\(/gm).map(([, name = '']) => name)
  const features = text.matchAll(/^#define[ \t]+VFIO_DEVICE_FEATURE_(\w+)[ \t]+\(?\d+\)?[ \t]*$/gm).map(([, name]) => `VFIO_DEVICE_FEATURE/${name ?? ''}`)
  return [...ioctls, ...features]
})

/** Names #defined or enumerated by one C header, whatever #if they stand in; includes are not followed. */
export const headerNames = (text: string): readonly string[] => {
  const code = withoutComments(text.replace(/\\\r?\n/g, ' '))
  const defined = code.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)/gm).map(([, name]) => name)
  const withoutDirectives = code.replace(/^[ \t]*#[^\n]*$/gm, '')
  const enumerated = withoutDirectives.matchAll(/\benum\b[^;{}()]*\{([^}]*)\}/g).flatMap(([, body]) => enumerators(body ?? ''))
  return [...defined, ...enumerated].filter((name) => name !== undefined)
}

export const withoutComments = (code: string): string => code.replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, ' ')

const enumerators = (body: string): readonly string[] =>
  splitOutsideParentheses(body).flatMap((entry) => /^\s*([A-Za-z_]\w*)/.exec(entry)?.[1] ?? [])

/** At commas, but not at those of a call in an enumerator's value. */
const splitOutsideParentheses = (body: string): readonly string[] => {
  const parts = ['']
  let depth = 0
  for (const char of body) {
    if (char === '(') depth += 1
    if (char === ')') depth -= 1
    if (char === ',' && depth === 0) parts.push('')
    else parts.push(`${parts.pop() ?? ''}${char}`)
  }
  return parts
}
