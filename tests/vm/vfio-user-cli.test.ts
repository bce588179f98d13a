import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { callLab, readResults, temporaryDir } from '../lab-process.ts'

/** A device as its user has it: beside his lab.config.ts, alone on a machine, and as one of several. */
const LAB = `
import { debian, defineLab, edu, intelIommu, iommuTestdev, pciTestdev, vfioUser, vfioUserDma, virtioIommu } from 'vfio-lab'

export default defineLab({
  kernels: { debian: { source: debian('linux-source-*') } },
  configs: { noiommu: ['iommufd', 'group', 'container', 'cdev', 'noiommu'] },
  machines: {
    alone: { iommu: intelIommu({ cachingMode: true }), devices: [vfioUser('./adder.ts')] },
    last: {
      iommu: virtioIommu(),
      devices: [
        edu(), pciTestdev(), vfioUserDma({ addressBits: 40, bars: { large: { bytes: 0 } }, interrupts: { msi: 0, msix: 3 }, flr: false }), iommuTestdev(),
        vfioUser('./adder.ts'),
      ],
    },
  },
})
`
const ADDER = join(import.meta.dirname, '../../images/devices/adder.ts')

const labFolder = async () => {
  const dir = await temporaryDir()
  await writeFile(join(dir.path, 'lab.config.ts'), LAB)
  await copyFile(ADDER, join(dir.path, 'adder.ts'))
  return dir
}

/** With the suites that a run has by default, if none is named. */
const run = async (machine: string, suites?: string) => {
  await using dir = await labFolder()
  const out = join(dir.path, 'out')
  const { exitCode, stderr } = await callLab(['run', '--machine', machine, ...(suites === undefined ? [] : ['--suite', suites]), '--out', out], { cwd: dir.path })
  const cell = (await readResults(out))?.cells[0]
  return {
    exitCode, stderr,
    unexpected: cell?.cases.filter(({ unexpected }) => unexpected).map(({ id, message }) => `${id}: ${message ?? ''}`),
    passed: cell?.cases.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id),
    absent: new Map(cell?.absent.map(({ id, because }) => [id, because])),
    reports: await readFile(join(out, 'cells', 'debian', 'noiommu', machine, 'device0-adder.ndjson'), 'utf8').catch(() => ''),
  }
}

test('every case that holds for any device holds for the example, alone on its machine', async () => {
  const { exitCode, stderr, unexpected, passed, absent, reports } = await run('alone')
  expect(unexpected).toEqual([])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(passed).toEqual(expect.arrayContaining([
    'device-identity/vfio-user', 'device-reset/reset-vfio-user', 'config-space/identity', 'config-space/any-length', 'device-info/info', 'device-info/regions',
    'irq-info/counts', 'irq-request/loopback', 'hot-reset/cdev', 'cdev-attach/holds-ioas', 'nodes/cdevs',
  ]))
  expect(absent.get('config-space/command')).toBe('no device on this machine has intx')
  expect(reports).toContain('{"event":"reset","by":"flr"}')
  expect(reports).toContain('{"event":"reset","by":"client"}')
  expect(reports).not.toContain('device-error')
})

test('it is found behind its port among others, and the programmable device is asked for nothing that its options took away', async () => {
  const { exitCode, unexpected, passed, absent } = await run('last', '{device-*,bar-layout,irq-kinds,reset-flr,dma,dma-refused}')
  expect(unexpected).toEqual([])
  expect(exitCode).toBe(0)
  expect(passed).toEqual(expect.arrayContaining([
    'device-identity/vfio-user', 'device-reset/reset-vfio-user', 'device-identity/vfio-user-dma', 'device-reset/reset-vfio-user-dma', 'bar-layout/sparse',
    'irq-kinds/msix', 'irq-kinds/intx', 'reset-flr/mappings', 'dma-refused/bus-master', 'dma/unmapped',
  ]))
  expect(Object.fromEntries(['bar-layout/large', 'irq-kinds/msi', 'reset-flr/once', 'dma-refused/unmapped'].map((id) => [id, absent.get(id)]))).toEqual({
    'bar-layout/large': 'the vfio-user-dma of this machine has not large-bar',
    'irq-kinds/msi': 'the IOMMU of this machine has no interrupt-remapping',
    'reset-flr/once': 'the vfio-user-dma of this machine has not reset and flr-count',
    'dma-refused/unmapped': 'the vfio-user-dma of this machine has not dma-write and dma-read and dma-64',
  })
})

test('lab shell --qemu prints what starts the device, and then its guest', async () => {
  await using dir = await labFolder()
  const { stdout, exitCode } = await callLab(['shell', '--qemu', 'noiommu/alone'], { cwd: dir.path })
  expect(exitCode).toBe(0)
  const guest = execa('sh', ['-c', stdout], { reject: false, stdin: 'ignore', detached: true, timeout: 120_000 })
  let up = false
  for await (const line of guest) {
    if (!line.includes('vfio-lab: init: ssh is up')) continue
    up = true
    // The device as well: it goes on when QEMU has ended.
    if (guest.pid !== undefined) process.kill(-guest.pid)
  }
  expect(up).toBe(true)
  expect(await readFile(join(dir.path, '.lab/shell/debian/noiommu/alone/device0-adder.ndjson'), 'utf8')).toContain('{"event":"connected"}')
})
