import { mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../host/cache.ts'
import { labFault } from '../host/errors.ts'
import { namingFullDisk } from '../host/disk-full.ts'
import { run } from '../host/spawn.ts'
import type { FetchedPackages } from '../toolbox/debian-archive.ts'
import { debianImagePackage } from '../toolbox/debian-image-package.ts'
import { type ExaminedKernel, examinePrebuilt } from './examine-prebuilt.ts'
import { GUEST_MODULES } from './guest-modules.ts'
import { storeKey } from './kernel-store.ts'
import type { SourceContext } from './kernel-source.ts'
import type { PrebuiltKernel, PrebuiltRecord } from './open-prebuilt.ts'

/** A linux-image package of Debian, chosen by asking apt. */
export const openDebianImage = async (packageGlob: string, context: SourceContext): Promise<PrebuiltKernel> => {
  const found = await debianImagePackage(packageGlob, context.tools, context)
  const record: PrebuiltRecord = { kind: 'debian-image', package: found.package, version: found.version }
  // Which modules are kept of it is the lab's choice, and part of what is stored.
  const key = storeKey('debian-image', found.package, found.version, GUEST_MODULES)
  return { record, key, prepare: () => unpacked(found, unpackedFolder(key), context) }
}

/** Where a package is unpacked for as long as it takes to store its kernel. */
export const unpackedFolder = (key: string): string => cacheDir('kernel', 'unpacked', key)

/** The package's files; they are gone when this is disposed, since the store has all that a guest needs. */
const unpacked = async (found: FetchedPackages, folder: string, context: SourceContext): Promise<ExaminedKernel & AsyncDisposable> => {
  await using stack = new AsyncDisposableStack()
  // What a killed lab left.
  const clear = () => rm(folder, { recursive: true, force: true })
  await clear()
  stack.defer(clear)
  context.onText(`unpacking ${found.package} ${found.version}`)
  const kernel = await namingFullDisk(`unpacking ${found.package}`, folder, async () => examinePrebuilt(await unpack(found, folder, context)))
  const held = stack.move()
  return { ...kernel, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

const unpack = async ({ package: name, debPaths }: FetchedPackages, folder: string, { tools, signal }: SourceContext) => {
  await mkdir(folder, { recursive: true })
  const inFolder = (program: string, args: readonly string[], read: readonly string[] = []) =>
    run(tools.command({ program, args, read, write: [folder] }), { what: `unpacking ${name}`, writes: [folder], signal })
  for (const deb of debPaths) await inFolder('dpkg-deb', ['--extract', deb, folder], [deb])
  const parent = join(folder, 'usr', 'lib', 'modules')
  const [release, ...others] = await readdir(parent).catch(() => [])
  if (release === undefined || others.length > 0) throw labFault('NO_KERNEL_IN_PACKAGE', `${name} has ${release === undefined ? 'no' : 'more than one'} folder usr/lib/modules/<release>`)
  // Where depmod looks for it.
  await symlink('usr/lib', join(folder, 'lib'))
  // The packages leave modules.dep to their installation.
  await inFolder('depmod', ['--basedir', folder, release])
  const modules = join(parent, release)
  return { bzImage: join(modules, 'vmlinuz'), config: join(modules, 'config'), modules, headers: join(folder, 'usr', 'include') }
}
