import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../orchestrator/host/spawn.ts'
import { buildConfigs } from '../../orchestrator/kernel/build-configs.ts'
import type { PrebuiltPaths } from '../../orchestrator/kernel/kernel-input.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { callLab, temporaryDir } from '../lab-process.ts'
import { madeUpBzImage } from '../made-up-bzimage.ts'

const RELEASE = '7.3-mine'
const BUILT_IN = [
  'PCI', 'TTY', 'SERIAL_8250_CONSOLE', 'BLK_DEV_INITRD', 'BINFMT_ELF', 'BINFMT_SCRIPT', 'DEVTMPFS', 'PROC_FS', 'SYSFS', 'TMPFS', 'UNIX98_PTYS', 'UNIX', 'INET',
  'VIRTIO_PCI', 'VIRTIO_BLK', 'VIRTIO_NET', 'VFIO_GROUP',
]
const DOT_CONFIG = `#
# Linux/x86 7.3.0-rc7 Kernel Configuration
#
${BUILT_IN.map((symbol) => `CONFIG_${symbol}=y\n`).join('')}CONFIG_EROFS_FS=m
CONFIG_VFIO=m
CONFIG_VFIO_PCI=m
`
const MODULES_DEP = `kernel/fs/erofs.ko.xz: kernel/lib/lz4.ko.zst
kernel/lib/lz4.ko.zst:
kernel/vfio.ko.gz:
kernel/vfio-pci.ko: kernel/vfio.ko.gz
kernel/usb.ko:
`

const signal = new AbortController().signal
let tools: OpenedTools
beforeAll(async () => { tools = await openTools('toolbox', { notice: () => undefined, signal }) })
afterAll(() => tools[Symbol.asyncDispose]())

let place: Awaited<ReturnType<typeof temporaryDir>>
beforeEach(async () => {
  place = await temporaryDir()
  return () => place[Symbol.asyncDispose]()
})
const file = (name: string) => join(place.path, name)
const write = async (name: string, data: string | Uint8Array) => {
  await mkdir(dirname(file(name)), { recursive: true })
  await writeFile(file(name), data)
}

/** Files with the face of a distribution's kernel, some of it as modules in each form that they come in; nothing of it runs. */
const madeUpKernel = async (): Promise<PrebuiltPaths> => {
  await write('bzImage', madeUpBzImage(`${RELEASE} (me@here) #1`))
  await write('config', DOT_CONFIG)
  const modules = `lib/modules/${RELEASE}`
  await write(`${modules}/modules.dep`, MODULES_DEP)
  await write(`${modules}/kernel/fs/erofs.ko`, 'erofs')
  await run(tools.command({ program: 'xz', args: [file(`${modules}/kernel/fs/erofs.ko`)], write: [place.path] }), { what: 'packing a module' })
  await write(`${modules}/kernel/lib/lz4.ko.zst`, zstdCompressSync('lz4'))
  await write(`${modules}/kernel/vfio.ko.gz`, gzipSync('vfio'))
  await write(`${modules}/kernel/vfio-pci.ko`, 'vfio-pci')
  await write('linux/include/uapi/linux/vfio.h', '#define VFIO_GET_API_VERSION 1\n')
  await symlink(file('linux'), file(`${modules}/source`))
  return { kind: 'prebuilt', bzImage: file('bzImage'), config: file('config'), modules: file(modules) }
}

describe('files that fit together', () => {
  beforeEach(() => {
    vi.stubEnv('VFIO_LAB_CACHE', file('cache'))
    return () => { vi.unstubAllEnvs() }
  })
  const open = (source: PrebuiltPaths) => buildConfigs({ name: 'mine', source, patches: [] }, [{ name: 'own', fragments: [] }], {
    tools, signal, baseConfig: '/none', limits: { buildMs: 1, storeBytes: 2 ** 30, sourceTrees: 8 }, upTo: 'built', notice: () => undefined, onProgress: () => undefined,
  })
  const opened = async (source: PrebuiltPaths) => {
    await using builds = await open(source)
    const kernel = builds.outcomes.get('own')
    if (kernel?.status !== 'built') throw new Error('it is not built')
    return { ...kernel, version: builds.source.version, loads: await Promise.all(kernel.modules.map(async (path) => `${basename(path)}: ${await readFile(path, 'utf8')}`)) }
  }

  test('are a built kernel, with its modules unpacked and in load order', async () => {
    const source = await madeUpKernel()
    const kernel = await opened(source)
    expect(kernel).toMatchObject({
      release: RELEASE, buildMs: 0, notAsked: [], systemMap: undefined, vmlinux: undefined,
      facts: { config: { VFIO: 'm', VFIO_GROUP: 'y' }, uapi: ['VFIO_GET_API_VERSION'] },
      loads: ['00-lz4.ko: lz4', '01-erofs.ko: erofs', '02-vfio.ko: vfio', '03-vfio_pci.ko: vfio-pci'],
      version: expect.stringMatching(/^7\.3-mine \([0-9a-f]{12}\)$/) as unknown,
    })
    expect(await readFile(kernel.dotConfig, 'utf8')).toBe(DOT_CONFIG)
    // What the store has stays as it is, whatever becomes of the files; other files are another kernel.
    expect((await opened(source)).key).toBe(kernel.key)
    await write(`lib/modules/${RELEASE}/kernel/vfio-pci.ko`, 'changed')
    const changed = await opened(source)
    expect(changed.key).not.toBe(kernel.key)
    expect(changed.loads.at(-1)).toBe('03-vfio_pci.ko: changed')
  })

  test('need no modules folder when all is built in', async () => {
    await madeUpKernel()
    await write('config', DOT_CONFIG.replaceAll('=m', '=y'))
    expect(await opened({ kind: 'prebuilt', bzImage: file('bzImage'), config: file('config'), headers: file('linux') })).toMatchObject({ loads: [] })
    expect(await opened({ kind: 'prebuilt', bzImage: file('bzImage'), config: file('config'), headers: file('linux/include/uapi') })).toMatchObject({ loads: [] })
  })

  test('but for a module that is no longer what it says are refused, and leave nothing', async () => {
    const source = await madeUpKernel()
    for (const name of ['fs/erofs.ko.xz', 'lib/lz4.ko.zst', 'vfio.ko.gz']) {
      const path = `lib/modules/${RELEASE}/kernel/${name}`
      const good = await readFile(file(path))
      await write(path, 'Hello')
      await expect(open(source)).rejects.toMatchObject({ kind: 'yours', code: 'PREBUILT_MODULES', message: expect.stringContaining('cannot be unpacked') as unknown })
      await write(path, good)
    }
    expect((await opened(source)).loads).toHaveLength(4)
  })
})

/** What `lab plan` says of these files; `source` are the words of lab.config.ts. */
const planned = async (source: string, args: readonly string[] = []) => {
  await write('lab.config.ts', `
import { debianImage, defineLab, edu, prebuilt } from 'vfio-lab'
export default defineLab({ kernels: { mine: { source: ${source} } }, configs: {}, machines: { none: { devices: [edu()] } } })
`)
  return callLab(['plan', ...args], { cwd: place.path })
}
const ALL = `prebuilt({ bzImage: 'bzImage', config: 'config', modules: 'lib/modules/${RELEASE}' })`

describe('what does not fit is told in a line, with exit 2, before anything boots', () => {
  test.each<readonly [string, string, () => Promise<unknown>, RegExp]>([
    ['no bzImage', ALL, () => rm(file('bzImage')), /the bzImage .*\/bzImage cannot be read/],
    ['a bzImage that is none', ALL, () => write('bzImage', 'x'.repeat(5000)), /bzImage is no bzImage: it has no boot header/],
    ['no config', ALL, () => rm(file('config')), /the config .*\/config cannot be read/],
    ['a config that is none', ALL, () => write('config', 'Hello\n'), /config is no \.config of an x86 kernel/],
    ['a config of another version', ALL, () => write('config', DOT_CONFIG.replace('7.3.0-rc7', '7.2.13')), /config is of Linux 7\.2\.13, and the bzImage is 7\.3-mine/],
    ['a config without what a guest needs', ALL, () => write('config', DOT_CONFIG.replace(/.*VIRTIO_NET.*\n/, '').replace('TMPFS=y', 'TMPFS=m')), /its config lacks DEVTMPFS=y, VIRTIO_NET\n/],
    ['no modules folder', "prebuilt({ bzImage: 'bzImage', config: 'config', headers: 'linux' })", () => Promise.resolve(), /7\.3-mine has erofs, vfio, vfio_pci as modules, and no modules folder is given\nsay modules: '\/lib\/modules\/7\.3-mine'/],
    ['a modules folder that is not there', ALL, () => rm(file('lib'), { recursive: true }), /there is no modules folder/],
    ['modules of another kernel', "prebuilt({ bzImage: 'bzImage', config: 'config', modules: 'linux' })", () => Promise.resolve(), /the modules in .*\/linux are not of this kernel, whose release is 7\.3-mine/],
    ['modules without depmod', ALL, () => rm(file(`lib/modules/${RELEASE}/modules.dep`)), /modules\.dep cannot be read\ndepmod makes it/],
    ['a module that is not listed', ALL, () => write(`lib/modules/${RELEASE}/modules.dep`, MODULES_DEP.replace(/^kernel\/vfio-pci.*\n/m, '')), /lacks vfio_pci\n/],
    ['a module that is listed and not there', ALL, () => rm(file(`lib/modules/${RELEASE}/kernel/lib/lz4.ko.zst`)), /lacks kernel\/lib\/lz4\.ko\.zst\n/],
    ['no headers', ALL, () => rm(file(`lib/modules/${RELEASE}/source`)), /the headers of the kernel 7\.3-mine are not found: no linux\/vfio\.h in .*\{source,build\}\/include\/uapi\n/],
    ['headers that are none', ALL.replace(' })', ", headers: 'lib' })"), () => Promise.resolve(), /no linux\/vfio\.h in .*\/lib\n/],
    ['an image that Debian has not', "debianImage('linux-image-0*-amd64')", () => Promise.resolve(), /no kernel image of Debian \(sid, experimental\) matches linux-image-0\*-amd64\nthere are: .*linux-image-amd64/],
  ])('%s', async (_, source, spoil, message) => {
    await madeUpKernel()
    await spoil()
    const { exitCode, stdout, stderr } = await planned(source)
    expect(`${stderr}\n`).toMatch(message)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr.split('\n').length).toBeLessThan(6)
  })

  test('patches on it', async () => {
    await madeUpKernel()
    await write('one.patch', '--- a/one.c\n+++ b/one.c\n@@ -1 +1 @@\n-int one;\n+int one = 1;\n')
    for (const args of [['--patch', 'one.patch'], ['--patch', 'one.patch', '--base'], ['--patch', 'one.patch', '--each']]) {
      const { exitCode, stderr } = await planned(ALL, args)
      expect(stderr).toMatch(/mine is a prebuilt kernel: it cannot be patched\npatches need a source/)
      expect(exitCode).toBe(2)
    }
  })

  test('a tree in its place, without a config to build it with', async () => {
    await madeUpKernel()
    const { exitCode, stderr } = await planned(ALL, ['--tree', 'linux'])
    expect(stderr).toMatch(/no cell is left: tree must be built, and the config's `configs` is empty/)
    expect(exitCode).toBe(2)
  })
})
