import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { DEVICE_CAPABILITIES, DEVICE_KINDS } from '../../guest-agent/protocol.ts'
import { callLab, temporaryDir } from '../lab-process.ts'

test('every device is listed with how a config asks for it and what it is able to', async () => {
  const { exitCode, stdout } = await callLab(['list', 'devices', '--json'])
  expect(exitCode).toBe(0)
  const listed = z.array(z.object({ kind: z.string(), factory: z.string(), capabilities: z.array(z.string()), qemu: z.object({ has: z.boolean() }) })).parse(JSON.parse(stdout))
  expect(listed.map(({ kind, capabilities }) => [kind, capabilities])).toEqual(DEVICE_KINDS.map((kind) => [kind, DEVICE_CAPABILITIES[kind]]))
  for (const { factory } of listed) expect(factory).toMatch(/^[a-z][A-Za-z0-9]+\(.*\)$/)
  const { stdout: table } = await callLab(['list', 'devices'])
  expect(table).toMatch(/^edu +edu\(\) +bar-mmap dma-write/m)
})

test('the machines are those of the config, with the traits of their IOMMU', async () => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, 'lab.config.ts'), `
    import { debian, defineLab, edu, intelIommu, oneGroup, pciTestdev } from 'vfio-lab'
    export default defineLab({
      kernels: { debian: { source: debian('linux-source-*') } },
      configs: { noiommu: ['noiommu'] },
      machines: {
        bare: { devices: [] },
        mine: { onRequest: true, iommu: intelIommu({ scalable: true }), devices: [edu(), oneGroup(edu(), pciTestdev())] },
      },
    })`)
  const { exitCode, stdout } = await callLab(['list', 'machines'], { cwd: dir.path })
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    'bare  always      no IOMMU',
    'mine  when named  intel interrupt-remapping scalable  edu one-group(edu pci-testdev)',
    '2 machines',
  ])
  expect(exitCode).toBe(0)
})

test('what is no list is refused', async () => {
  const { exitCode, stderr } = await callLab(['list', 'nonsense'])
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(/cases, machines, devices/)
})
