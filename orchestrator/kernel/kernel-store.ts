import { createHash } from 'node:crypto'
import { copyFile, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { cacheDir } from '../host/cache.ts'
import { lock } from '../host/lock.ts'
import { publishFolder } from '../host/publish.ts'
import { buildWarnings } from './build-warnings.ts'
import type { BuiltKernel } from './built-kernel.ts'
import type { ExaminedKernel } from './examine-prebuilt.ts'
import { type Forgettable, forgetLeastUsed } from '../host/forget-least-used.ts'

const recordSchema = z.strictObject({
  release: z.string(),
  /** What the build took when it was made, milliseconds. */
  buildMs: z.number(),
  cpuMs: z.number(),
  facts: z.strictObject({ config: z.record(z.string(), z.string()), uapi: z.array(z.string()).readonly() }),
  /** The uapi headers of VFIO and IOMMUFD, file name -> text. */
  headers: z.record(z.string(), z.string()),
  /** File names of the modules, in load order. */
  modules: z.array(z.string()).readonly(),
  notAsked: z.array(z.strictObject({ symbol: z.string(), asked: z.string(), fragment: z.string(), where: z.string() })).readonly(),
  warnings: buildWarnings.default([]),
})

export type StoreRecord = z.infer<typeof recordSchema>

export interface StoredKernel extends AsyncDisposable {
  /** buildMs is 0. */
  readonly kernel: BuiltKernel
  readonly record: StoreRecord
}

const FILES = { bzImage: 'arch/x86/boot/bzImage', dotConfig: '.config', systemMap: 'System.map', vmlinux: 'vmlinux' } as const
const NAMES = { bzImage: 'bzImage', dotConfig: 'config', systemMap: 'System.map', vmlinux: 'vmlinux' } as const

const storeFolder = (): string => cacheDir('kernel', 'store')
const entryFolder = (key: string): string => join(storeFolder(), key)
/** What an entry holds has changed so often. */
const FORMAT = 6
/** The content address of what is made from these parts: anything that JSON can say. */
export const storeKey = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify([FORMAT, ...parts])).digest('hex').slice(0, 32)
/** Beside the entry and never removed; its time is when the entry was used last. */
const leaseFile = (key: string): string => `${entryFolder(key)}.lease`

/** Leases an entry: a shared lock on it, until disposed. Undefined when there is none. */
export const leaseKernel = async (key: string, signal: AbortSignal): Promise<StoredKernel | undefined> => {
  const folder = entryFolder(key)
  if (!existsSync(folder)) return undefined
  const held = await lock(leaseFile(key), { shared: true, signal })
  try {
    // Forgotten while this one waited.
    if (!existsSync(folder)) {
      await held[Symbol.asyncDispose]()
      return undefined
    }
    const now = new Date()
    await utimes(leaseFile(key), now, now)
    const record = recordSchema.parse(JSON.parse(await readFile(join(folder, 'record.json'), 'utf8')))
    const { release, facts, headers, notAsked, modules, warnings } = record
    // A kernel that came built has none.
    const own = (name: string) => (existsSync(join(folder, name)) ? join(folder, name) : undefined)
    const paths = {
      bzImage: join(folder, NAMES.bzImage), dotConfig: join(folder, NAMES.dotConfig),
      modules: modules.map((name) => join(folder, name)), systemMap: own(NAMES.systemMap), vmlinux: own(NAMES.vmlinux),
    }
    const kernel: BuiltKernel = { status: 'built', key, release, ...paths, facts, headers, notAsked, warnings, buildMs: 0 }
    return { kernel, record, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
  } catch (error) {
    await held[Symbol.asyncDispose]()
    throw error
  }
}

/** Lays the modules of a kernel into the folder it is given and resolves to their names, in load order. */
type LayModules = (folder: string) => Promise<readonly string[]>

/** Puts what make left in an object tree into the store, whole or not at all. */
export const storeKernel = async (key: string, objects: string, record: Omit<StoreRecord, 'modules'>, modules: LayModules): Promise<void> =>
  publishFolder(entryFolder(key), async (aside) => {
    for (const name of ['bzImage', 'dotConfig', 'systemMap', 'vmlinux'] as const) {
      await copyFile(join(objects, FILES[name]), join(aside, NAMES[name]), constants.COPYFILE_FICLONE)
    }
    await writeFile(join(aside, 'record.json'), JSON.stringify(recordSchema.parse({ ...record, modules: await modules(aside) })))
  })

/** Puts a kernel into the store that came built, whole or not at all. */
export const storePrebuilt = async (
  key: string, { bzImage, dotConfig, release, facts, headers }: ExaminedKernel, modules: LayModules,
): Promise<void> =>
  publishFolder(entryFolder(key), async (aside) => {
    await copyFile(bzImage, join(aside, NAMES.bzImage), constants.COPYFILE_FICLONE)
    await copyFile(dotConfig, join(aside, NAMES.dotConfig), constants.COPYFILE_FICLONE)
    const record: StoreRecord = { release, buildMs: 0, cpuMs: 0, facts, headers, modules: await modules(aside), notAsked: [], warnings: [] }
    await writeFile(join(aside, 'record.json'), JSON.stringify(recordSchema.parse(record)))
  })

/** Removes kernels until the rest takes no more bytes than that. Resolves to how many it removed. */
export const forgetKernels = async (mostBytes: number): Promise<number> => (await forgetLeastUsed(await storeEntries(), mostBytes)).length

const storeEntries = async (): Promise<readonly Forgettable[]> => {
  const found = await readdir(storeFolder(), { withFileTypes: true }).catch(() => [])
  const folders = found.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  return Promise.all(folders.map(async ({ name }) => {
    const folder = entryFolder(name)
    const files = await readdir(folder)
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size))
    const used = await stat(leaseFile(name)).catch(() => stat(folder))
    return { folder, lockFile: leaseFile(name), size: sizes.reduce((sum, size) => sum + size, 0), usedAt: used.mtimeMs }
  }))
}
