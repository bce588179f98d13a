import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

/** Where the administrator's programs live on Debian; a plain user's PATH often lacks them. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The host's PATH with the system's folders after it. */
export const hostPath = (): string => [...new Set([...(process.env['PATH'] ?? '').split(':').filter((part) => isAbsolute(part)), ...SYSTEM_PATH])].join(':')

/** The absolute path of a program, as a shell would find it in `path`; undefined when there is none. */
export const findProgram = async (name: string, path: string = hostPath()): Promise<string | undefined> => {
  const candidates = name.includes('/') ? [name] : path.split(':').map((folder) => join(folder, name))
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate
  }
  return undefined
}

const isExecutable = async (file: string): Promise<boolean> => {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}
