import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../host/unless-missing.ts'

const HEADERS = ['vfio.h', 'iommufd.h']

/** Names #defined or enumerated by the tree's uapi headers of VFIO and IOMMUFD, sorted. A missing header has no names. */
export const readUapiNames = (tree: string): Promise<readonly string[]> => namesOfHeaders(join(tree, 'include', 'uapi', 'linux'))

/** The same of the folder that holds the headers, which is `linux` wherever they are installed. */
export const namesOfHeaders = async (folder: string): Promise<readonly string[]> => {
  const texts = await Promise.all(HEADERS.map((header) => unlessMissing(readFile(join(folder, header), 'utf8'))))
  return [...new Set(texts.flatMap((text) => headerNames(text ?? '')))].toSorted()
}

/** Names #defined or enumerated by one C header, whatever #if they stand in; includes are not followed. */
export const headerNames = (text: string): readonly string[] => {
  const code = text.replace(/\\\r?\n/g, ' ').replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, ' ')
  const defined = code.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)/gm).map(([, name]) => name)
  const withoutDirectives = code.replace(/^[ \t]*#[^\n]*$/gm, '')
  const enumerated = withoutDirectives.matchAll(/\benum\b[^;{}()]*\{([^}]*)\}/g).flatMap(([, body]) => enumerators(body ?? ''))
  return [...defined, ...enumerated].filter((name) => name !== undefined)
}

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
