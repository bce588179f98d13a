import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { labFault } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import { debianSource } from '../toolbox/debian-archive.ts'
import type { OpenedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { sourceSlot } from './source-slot.ts'
import { unpackTree } from './unpack-tree.ts'
import { unpackedSource } from './unpacked-source.ts'

/** A linux-source package of Debian, chosen by asking apt. */
export const openDebianSource = async (packageGlob: string, context: SourceContext): Promise<OpenedSource> => {
  const found = await debianSource(packageGlob, context.tools, context)
  const slot = sourceSlot(`${found.package}_${found.version}`.replace(/[^\w.~+-]/g, '_'))
  const record: SourceRecord = { kind: 'debian', package: found.package, version: found.version }
  const key = `debian ${found.package} ${found.version}`
  return unpackedSource({ record, key, slot, name: `${found.package} ${found.version}`, unpack: (aside) => unpack(found.debPath, aside, context) }, context)
}

/** The package holds one tarball, usr/src/linux-source-<version>.tar.xz, of one folder: the tree. */
const unpack = async (deb: string, aside: string, context: SourceContext): Promise<void> => {
  const { tools, signal } = context
  const options = { what: `unpacking ${deb}`, writes: [aside], signal }
  const packed = join(aside, 'package')
  await run(tools.command({ program: 'dpkg-deb', args: ['--extract', deb, packed], read: [deb], write: [aside] }), options)
  const sources = await readdir(join(packed, 'usr', 'src'))
  const tarball = sources.find((name) => /^linux-source-.*\.tar\.\w+$/.test(name))
  if (tarball === undefined) throw labFault('NO_SOURCE_TARBALL', `${deb} has no usr/src/linux-source-*.tar.*, only: ${sources.join(' ')}`)
  await unpackTree(join(packed, 'usr', 'src', tarball), aside, context)
  await rm(packed, { recursive: true })
}
