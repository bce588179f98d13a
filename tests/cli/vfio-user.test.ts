import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { callLab, type LabEnd, temporaryDir } from '../lab-process.ts'

const ADDER = join(import.meta.dirname, '../../images/devices/adder.ts')

/** What `lab ...args` says in a folder with these files, of which adder.ts is the example. */
const inFolder = async (files: Readonly<Record<string, string>>, args: readonly string[]): Promise<LabEnd> => {
  await using dir = await temporaryDir()
  await copyFile(ADDER, join(dir.path, 'adder.ts'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir.path, name), text)
  return await callLab(args, { cwd: dir.path })
}

const machine = (devices: string, iommu = 'virtioIommu()') => ({
  'lab.config.ts': `
    import { debian, defineLab, edu, intelIommu, vfioUser, vfioUserDma, virtioIommu } from 'vfio-lab'
    export default defineLab({
      kernels: { debian: { source: debian('linux-source-*') } },
      configs: { noiommu: ['iommufd', 'group', 'container', 'cdev', 'noiommu'] },
      machines: { mine: { iommu: ${iommu}, devices: [${devices}] } },
    })`,
})

const DEVICE = 'import { defineDevice } from \'vfio-lab/device\'\n'

describe('a device that cannot be is its user\'s error, exit 2, and told before a kernel is built', () => {
  test.each<readonly [string, Readonly<Record<string, string>>, RegExp]>([
    ['a file that is no device', { ...machine("vfioUser('./mine.ts')"), 'mine.ts': 'export default 7' }, /the device device0-mine cannot be started: .*mine\.ts exports no device as its default/],
    ['a file that throws', { ...machine("edu(), vfioUser('./mine.ts')"), 'mine.ts': 'throw new Error("out of order")' }, /the device device1-mine cannot be started: out of order/],
    ['a file with a syntax error', { ...machine("vfioUser('./mine.ts')"), 'mine.ts': 'export default {' }, /the device device0-mine cannot be started/],
    ['a device that PCI cannot have', { ...machine("vfioUser('./mine.ts')"), 'mine.ts': `${DEVICE}export default defineDevice({ ids: { vendor: 1, device: 1 }, bars: [{ size: 3 }] })` }, /power of two/],
    ['options that the device refuses', {
      ...machine("vfioUser('./mine.ts', { gain: -1 })"), 'mine.ts': `${DEVICE}export default defineDevice(({ gain }) => { throw new RangeError('gain ' + gain + ' is negative') })`,
    }, /gain -1 is negative/],
    ['an IOMMU that does not tell of mappings', machine("vfioUser('./adder.ts')", 'intelIommu()'), /QEMU tells vfio-user of mappings.*\n.*cachingMode: true/],
  ])('%s', async (_, files, message) => {
    const { exitCode, stdout, stderr } = await inFolder(files, ['plan', '--machine', 'mine'])
    expect(stderr).toMatch(message)
    expect(stderr.split('\n').length).toBeLessThan(12)
    expect(stdout).toBe('')
    expect(exitCode).toBe(2)
  })
})

test('the list of machines names the file', async () => {
  const { exitCode, stdout } = await inFolder(machine("vfioUser('./adder.ts'), vfioUserDma({ flr: false })"), ['list', 'machines'])
  expect(stdout).toMatch(/^mine +always +virtio +vfio-user\(adder\.ts\) vfio-user-dma$/m)
  expect(exitCode).toBe(0)
})
