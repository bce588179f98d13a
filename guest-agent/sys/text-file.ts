import fs from 'node:fs'
import fsp from 'node:fs/promises'
import { Errno } from './errno.ts'

/** Writes one value to a file of sysfs or procfs; the kernel's refusal comes as Errno. */
export const writeText = (path: string, text: string): void => {
  try {
    fs.writeFileSync(path, text)
  } catch (error) {
    throw refusal(error, path, text)
  }
}

/** The same on another thread: for a write that may block in the kernel, as unbinding a driver does while a device is open. */
export const writeTextAside = async (path: string, text: string): Promise<void> => {
  try {
    await fsp.writeFile(path, text)
  } catch (error) {
    throw refusal(error, path, text)
  }
}

/** The text of a file without the newline at its end; undefined when there is no such file. */
export const readText = (path: string): string | undefined => {
  try {
    return fs.readFileSync(path, 'utf8').trimEnd()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw refusal(error, path)
  }
}

/** The last part of what a symbolic link points to; undefined when there is no such link. */
export const linkName = (path: string): string | undefined => linkTarget(path)?.split('/').at(-1)

/** What a symbolic link points to; undefined when there is no such link. */
export const linkTarget = (path: string): string | undefined => {
  try {
    return fs.readlinkSync(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The names in a folder, sorted; empty when there is no such folder. */
export const namesIn = (dir: string): readonly string[] => {
  try {
    return fs.readdirSync(dir).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

const refusal = (error: unknown, path: string, text?: string): unknown => {
  // By its number: Node has no name for some that the kernel has (EUSERS).
  if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) return error
  return new Errno(-error.errno, text === undefined ? `read(${path})` : `write(${path}, '${text}')`)
}
