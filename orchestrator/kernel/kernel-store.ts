import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { cacheDir } from '../host/cache.ts'
import { lock } from '../host/lock.ts'
import { publishFolder } from '../host/publish.ts'
import type { BuiltKernel } from './built-kernel.ts'

const recordSchema = z.strictObject({
  release: z.string(),
  /** What the build took when it was made, milliseconds. */
  buildMs: z.number(),
  cpuMs: z.number(),
  facts: z.strictObject({ config: z.record(z.string(), z.string()), uapi: z.array(z.string()).readonly() }),
  notAsked: z.array(z.strictObject({ symbol: z.string(), asked: z.string(), fragment: z.string(), where: z.string() })).readonly(),
})

export type StoreRecord = z.infer<typeof recordSchema>

export interface StoredKernel extends AsyncDisposable {
  /** buildMs is 0. */
  readonly kernel: BuiltKernel
  readonly record: StoreRecord
}

const FILES = { bzImage: 'arch/x86/boot/bzImage', dotConfig: '.config', systemMap: 'System.map', vmlinux: 'vmlinux' } as const
const NAMES = { bzImage: 'bzImage', dotConfig: 'config', systemMap: 'System.map', vmlinux: 'vmlinux' } as const

const entryFolder = (key: string): string => cacheDir('kernel', 'store', key)

/** Leases an entry: a shared lock on it, until disposed. Undefined when there is none. */
export const leaseKernel = async (key: string, signal: AbortSignal): Promise<StoredKernel | undefined> => {
  const folder = entryFolder(key)
  if (!existsSync(folder)) return undefined
  const held = await lock(join(folder, 'lease'), { shared: true, signal })
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(join(folder, 'record.json'), 'utf8')))
    const { release, facts, notAsked } = record
    const paths = {
      bzImage: join(folder, NAMES.bzImage), dotConfig: join(folder, NAMES.dotConfig),
      systemMap: join(folder, NAMES.systemMap), vmlinux: join(folder, NAMES.vmlinux),
    }
    const kernel: BuiltKernel = { status: 'built', key, release, ...paths, facts, notAsked, buildMs: 0 }
    return { kernel, record, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
  } catch (error) {
    await held[Symbol.asyncDispose]()
    throw error
  }
}

/** Puts what make left in an object tree into the store, whole or not at all. */
export const storeKernel = async (key: string, objects: string, record: StoreRecord): Promise<void> =>
  publishFolder(entryFolder(key), async (aside) => {
    for (const name of ['bzImage', 'dotConfig', 'systemMap', 'vmlinux'] as const) {
      await copyFile(join(objects, FILES[name]), join(aside, NAMES[name]), constants.COPYFILE_FICLONE)
    }
    await writeFile(join(aside, 'record.json'), JSON.stringify(recordSchema.parse(record)))
    await writeFile(join(aside, 'lease'), '')
  })
