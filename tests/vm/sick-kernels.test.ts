import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callLabRun, temporaryDir } from '../lab-process.ts'
import { campaign } from './campaign.ts'

/** The kernel's own fault, told as such: boot-failed, exit 1, with what the console said last. Built from the default source with one more fragment. */
const runWith = async (fragment: string, bootSeconds: number) => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, 'sick.config'), fragment)
  await writeFile(join(dir.path, 'lab.config.ts'), `
import { debian, defineLab, edu } from 'vfio-lab'
export default defineLab({
  kernels: { debian: { source: debian('linux-source-*') } },
  configs: { sick: ['iommufd', 'group', 'container', 'cdev', 'noiommu', './sick.config'] },
  machines: { none: { devices: [edu()] } },
  limits: { bootSeconds: ${bootSeconds} },
})`)
  const { exitCode, stderr, stdout, results } = await callLabRun([], { cwd: dir.path, timeoutMs: 20 * 60_000 })
  return { exitCode, stderr, stdout, cell: results?.cells[0] }
}

interface SickKernel {
  readonly name: string
  readonly fragment: string
  readonly bootSeconds: number
  readonly because: RegExp
  /** It is told from what the console says, long before the limit. */
  readonly saysSo?: true
}

const bootFails = async ({ fragment, bootSeconds, because, saysSo }: SickKernel) => {
  const { exitCode, cell, stdout } = await runWith(fragment, bootSeconds)
  expect(cell).toMatchObject({ status: 'boot-failed' })
  expect(cell?.because).toMatch(because)
  expect(stdout).toMatch(because)
  if (saysSo === true) expect(cell?.timings.bootMs).toBeLessThan(bootSeconds * 500)
  expect(exitCode).toBe(1)
}

await campaign<SickKernel>({
  name: 'boot-failed',
  sample: 1,
  items: [
    // Nothing that could hold an init.
    {
      name: 'a kernel that panics before init', fragment: 'CONFIG_BLK_DEV_INITRD=n\n', bootSeconds: 120,
      because: /panic: VFS: Unable to mount root fs/, saysSo: true,
    },
    {
      name: 'a kernel without a serial console is silent until its time limit',
      fragment: 'CONFIG_SERIAL_8250=n\nCONFIG_SERIAL_8250_CONSOLE=n\n', bootSeconds: 20, because: /silent|nothing on the console|no console/i,
    },
  ],
  check: bootFails,
})

// Networking and virtio as a whole reach into headers that everything includes, virtio-blk into that of scatter lists (SG_POOL): these compile
// almost a whole kernel, and a third of one.
await campaign<SickKernel>({
  name: 'boot-failed, built anew',
  sample: 0,
  items: [
    { name: 'a kernel without virtio-blk', fragment: 'CONFIG_VIRTIO_BLK=n\n', bootSeconds: 120, because: /no virtio-blk disk/ },
    { name: 'a kernel without a network card', fragment: 'CONFIG_VIRTIO_NET=n\n', bootSeconds: 120, because: /no eth0/ },
    {
      name: 'a kernel without virtio',
      fragment: 'CONFIG_VIRTIO_MENU=n\nCONFIG_VIRTIO_PCI=n\nCONFIG_VIRTIO_BLK=n\nCONFIG_VIRTIO_NET=n\nCONFIG_VIRTIO_IOMMU=n\n', bootSeconds: 120, because: /no virtio-blk disk/,
    },
  ],
  check: bootFails,
})

test('a config that a dependency takes away is build-failed, with symbol, fragment and what is unmet', async () => {
  const { exitCode, cell, stdout } = await runWith('CONFIG_VFIO_GROUP=n\n', 120)
  expect(cell).toMatchObject({ status: 'build-failed', cases: [] })
  expect(cell?.configLost).toMatchObject([{ symbol: 'VFIO_CONTAINER', fragment: 'container.config', asked: 'y', got: 'n' }])
  expect(cell?.configLost[0]?.unmet).toMatch(/VFIO_GROUP/)
  expect(stdout).toMatch(/VFIO_CONTAINER/)
  expect(exitCode).toBe(1)
})

test('a symbol that no Kconfig of the tree knows is the user\'s to mend', async () => {
  const { exitCode, stderr, cell } = await runWith('CONFIG_VFIO_NOIOMU=y\n', 120)
  expect(stderr).toMatch(/VFIO_NOIOMU.*VFIO_NOIOMMU/s)
  expect(exitCode).toBe(2)
  expect(cell).toBeUndefined()
})
