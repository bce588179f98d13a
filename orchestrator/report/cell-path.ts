import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** Longest name that every file system takes, less room for `.ktap`. */
const MOST_BYTES = 240

/**
 * A cell id as a relative path of three folders: `debian/noiommu/intel` stays what it is. What has no place in a file name
 * becomes %XX, a name that is too long ends in its hash: two cells never share a path, and no cell leaves the folder.
 */
export const cellPath = (cellId: string): string => join(...cellId.split('/').map(safeName))

const safeName = (name: string) => {
  if (name === '') return '%'
  const escaped = [...Buffer.from(name)]
    .map((byte, index) => {
      const char = String.fromCharCode(byte)
      const plain = /[A-Za-z0-9_+-]/.test(char) || (char === '.' && index > 0)
      return plain ? char : `%${byte.toString(16).padStart(2, '0')}`
    })
    .join('')
  if (escaped.length <= MOST_BYTES) return escaped
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${escaped.slice(0, MOST_BYTES - hash.length - 2)}%~${hash}`
}
