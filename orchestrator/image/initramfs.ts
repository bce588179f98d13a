import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'
import { cpioArchive, type CpioEntry } from './cpio.ts'
import { NODE_FLAGS } from './node-flags.ts'

/**
 * The root of every guest: busybox, init, the folders to mount on, and links into the disk, where everything big is.
 * `recipe` is the folder images/guest. Throws what host/spawn.ts throws when busybox cannot be run.
 */
export const initramfs = async (tools: Tools, recipe: string, busybox: string, signal: AbortSignal): Promise<Uint8Array> => {
  const applets = await run(tools.command({ program: 'busybox', args: ['--list'] }), { what: 'listing what busybox can do', signal })
  const file = async (path: string, from: string, mode: number): Promise<CpioEntry> => ({ kind: 'file', path, mode, data: await readFile(from) })
  return cpioArchive([
    ...['bin', 'dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'disk'].map((path) => folder(path, 0o755)),
    folder('root', 0o700),
    // The kernel opens it for init before anything is mounted.
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    await file('init', join(recipe, 'init'), 0o755),
    await file('etc/fstab', join(recipe, 'fstab'), 0o644),
    { kind: 'file', path: 'etc/passwd', mode: 0o644, data: Buffer.from('root:x:0:0:root:/root:/bin/sh\n') },
    { kind: 'file', path: 'etc/group', mode: 0o644, data: Buffer.from('root:x:0:\n') },
    { kind: 'file', path: 'etc/node-flags', mode: 0o644, data: Buffer.from(`${NODE_FLAGS.join(' ')}\n`) },
    await file('bin/busybox', busybox, 0o755),
    ...applets.stdout.split('\n').flatMap((applet) => (applet === '' || applet === 'busybox' ? [] : [link(`bin/${applet}`, 'busybox')])),
    ...['lib', 'lib64', 'usr', 'node_modules'].map((path) => link(path, `disk/${path}`)),
  ])
}

const folder = (path: string, mode: number): CpioEntry => ({ kind: 'folder', path, mode })
const link = (path: string, target: string): CpioEntry => ({ kind: 'link', path, target })
