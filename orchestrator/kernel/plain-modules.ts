import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { LabError, yours } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { SourceContext } from './kernel-source.ts'
import { moduleName } from './load-order.ts'

/** Node has no xz: the tools' own takes those files away afterwards. */
const UNPACK: Readonly<Record<string, (packed: Uint8Array) => Promise<Uint8Array>>> = { '.gz': promisify(gunzip), '.zst': promisify(zstdDecompress) }

/**
 * Lays modules uncompressed into a folder, since a guest's init cannot unpack them all: `00-virtio_blk.ko` and so on, in this order.
 * Resolves to the names. Throws yours/PREBUILT_MODULES for one that cannot be unpacked.
 */
export const layPlainModules = async (paths: readonly string[], folder: string, { tools, signal }: SourceContext): Promise<readonly string[]> => {
  const laid = await Promise.all(paths.map(async (path, index) => {
    const name = `${String(index).padStart(2, '0')}-${moduleName(path)}.ko`
    const packing = /(?<=\.ko)\.\w+$/.exec(basename(path))?.[0] ?? ''
    const bytes = await readFile(path)
    const unpack = UNPACK[packing]
    if (unpack !== undefined) await writeFile(join(folder, name), await unpack(bytes).catch((cause: unknown) => { throw broken(path, cause) }))
    else await writeFile(join(folder, `${name}${packing}`), bytes)
    return { name, packing, path }
  }))
  const strange = laid.find(({ packing }) => packing !== '' && packing !== '.xz' && !(packing in UNPACK))
  if (strange !== undefined) throw broken(strange.path, new Error(`${strange.packing} is no compression that modules have`))
  const packed = laid.filter(({ packing }) => packing === '.xz')
  if (packed.length > 0) {
    const args = ['--decompress', ...packed.map(({ name }) => join(folder, `${name}.xz`))]
    await run(tools.command({ program: 'xz', args, write: [folder] }), { what: 'unpacking modules', writes: [folder], signal }).catch((error: unknown) => {
      throw error instanceof LabError && error.code === 'TOOL_FAILED' ? broken(packed[0]?.path ?? '', error) : error
    })
  }
  return laid.map(({ name }) => name)
}

const broken = (path: string, cause: unknown) =>
  yours('PREBUILT_MODULES', `the module ${path} or one beside it cannot be unpacked`, {
    hint: 'modules are .ko files, plain or packed by xz, zstd or gzip', cause, ...(cause instanceof LabError ? { tail: cause.tail } : {}),
  })
