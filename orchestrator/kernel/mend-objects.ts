import { readdir, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

interface ObjectFile {
  readonly folder: string
  readonly name: string
  readonly size: number
  readonly mtimeMs: number
}

const ENDS = ['vmlinux', 'vmlinux.o', 'vmlinux.unstripped', 'System.map', 'arch/x86/boot/bzImage', 'arch/x86/boot/compressed/vmlinux']

/** How long before the kill a file without a record may have been begun. */
const LAST_MS = 3000

/**
 * After a make that was killed (-9, not asked to stop): removes what may be half written, so that the next make makes it again.
 * Kbuild writes the record `.X.cmd` when X is whole, and removes the compiler's `.X.d` after that (scripts/Kbuild.include,
 * cmd_and_fixdep): an X newer than its record, or beside its `.X.d`, was being made. Of files without a record the last ones are suspect.
 */
export const mendObjects = async (objects: string): Promise<void> => {
  const files = await filesOf(objects)
  const byPath = new Map(files.map((file) => [join(file.folder, file.name), file]))
  const killedAt = Math.max(...files.map(({ mtimeMs }) => mtimeMs))
  for (const file of files) {
    if (!isHalfMade(file, byPath, killedAt, relative(objects, file.folder))) continue
    for (const name of [file.name, `.${file.name}.cmd`, `.${file.name}.d`]) await rm(join(file.folder, name), { force: true })
  }
  // The ends of the build are cheap to make again, whatever their records say.
  for (const path of ENDS) await rm(join(objects, path), { force: true })
}

const filesOf = async (objects: string): Promise<readonly ObjectFile[]> => {
  const entries = (await readdir(objects, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  return Promise.all(entries.map(async ({ parentPath: folder, name }) => {
    const { size, mtimeMs } = await stat(join(folder, name))
    return { folder, name, size, mtimeMs }
  }))
}

const isHalfMade = (
  { folder, name, mtimeMs }: ObjectFile, byPath: ReadonlyMap<string, ObjectFile>, killedAt: number, within: string,
): boolean => {
  // Kconfig replaces its files whole, and its empty stamps tell make what changed.
  if (within.startsWith('include/config') || /^\.config|\.cmd$|\.d$/.test(name)) return false
  const record = byPath.get(join(folder, `.${name}.cmd`))
  if (record === undefined) return name.endsWith('.o') || mtimeMs > killedAt - LAST_MS
  // The tools' own build keeps some `.X.d` for ever.
  const beingRecorded = byPath.has(join(folder, `.${name}.d`)) && !within.startsWith('tools')
  return record.size === 0 || mtimeMs > record.mtimeMs || beingRecorded
}
