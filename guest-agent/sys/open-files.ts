import { readText } from './text-file.ts'

/**
 * Open files of the whole guest (first number of /proc/sys/fs/file-nr): one that the kernel keeps though nobody has a descriptor of it
 * any more counts. Undefined: the kernel does not tell.
 */
export const openFileCount = (): number | undefined => {
  const count = /^\d+/.exec(readText('/proc/sys/fs/file-nr') ?? '')?.[0]
  return count === undefined ? undefined : Number(count)
}
