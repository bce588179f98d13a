import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../host/spawn.ts'
import type { SourceContext } from './kernel-source.ts'

/** Unpacks a tarball of one folder, a kernel tree, to `<aside>/tree`. Throws what host/spawn.ts throws, e.g. when it is no tarball. */
export const unpackTree = async (tarball: string, aside: string, { tools, signal }: SourceContext): Promise<void> => {
  const tree = join(aside, 'tree')
  await mkdir(tree)
  const args = ['--extract', '--file', tarball, '--directory', tree, '--strip-components=1', '--no-same-owner']
  await run(tools.command({ program: 'tar', args, read: [tarball], write: [aside] }), { what: `unpacking ${tarball}`, writes: [aside], signal })
}
