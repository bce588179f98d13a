import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEVICE_CAPABILITIES, DEVICE_KINDS, type DeviceKind } from '../../guest-agent/protocol.ts'
import { catalogue } from '../../guest-agent/suites/index.ts'
import { callLabRun, temporaryDir } from '../lab-process.ts'
import { campaign } from './campaign.ts'

/** Every device of the lab on one machine: what its row claims ran in every cell where a VFIO device can exist. */
const LAB = `
import { amdIommu, debian, defineLab, e1000e, edu, igb, intelIommu, iommuTestdev, ivshmem, nvme, pciTestdev, virtioIommu, virtioRng } from 'vfio-lab'

const devices = (rng) => [edu(), pciTestdev(), iommuTestdev(), nvme({ virtualFunctions: 2 }), igb(), e1000e(), rng, ivshmem()]

export default defineLab({
  kernels: { debian: { source: debian('linux-source-*') } },
  configs: {
    noiommu: ['iommufd', 'group', 'container', 'cdev', 'noiommu'],
    'no-container': ['iommufd', 'cdev', 'no-group', 'noiommu-cdev'],
    iommufd: ['iommufd', 'group', 'cdev', 'iommufd-container'],
  },
  machines: {
    none: { devices: devices(virtioRng()) },
    intel: { iommu: intelIommu({ cachingMode: true }), devices: devices(virtioRng()) },
    'intel-scalable': { iommu: intelIommu({ scalable: true, firstStage: true, deviceIotlb: true }), devices: devices(virtioRng({ ats: true })) },
    virtio: { iommu: virtioIommu(), devices: devices(virtioRng()) },
    amd: { iommu: amdIommu(), devices: devices(virtioRng()) },
  },
  suites: ['{device-*,bar-*,irq-*,dma,dma-devices,region-access,config-*,hot-reset,sr-iov,nodes}'],
})
`
/** Without an IOMMU the kernel of this config makes no VFIO device of anything. */
const WITHOUT_DEVICE = 'iommufd/none'
const CELLS = ['noiommu', 'no-container', 'iommufd'].flatMap((config) => ['none', 'intel', 'intel-scalable', 'virtio', 'amd'].map((machine) => `${config}/${machine}`))

/** Those that need a QEMU or a program of their own have a test of their own. */
const ELSEWHERE: readonly DeviceKind[] = ['pcie-ats-testdev', 'vfio-user-dma', 'vfio-user']

/** The ids of the cases that exercise each capability of each kind, in words of the two. */
const claims = DEVICE_KINDS.filter((kind) => !ELSEWHERE.includes(kind)).flatMap((kind) => DEVICE_CAPABILITIES[kind].map((capability) => ({
  what: `${kind}: ${capability}`,
  capability,
  ids: catalogue.filter(({ info: { needs } }) => needs.deviceKind === kind && needs.device?.includes(capability)).map(({ info }) => info.id),
})))

await campaign({
  name: 'every device',
  items: CELLS.filter((cell) => cell !== WITHOUT_DEVICE).map((name) => ({ name })),
  sample: 1,
  check: async ({ name }) => {
    await using dir = await temporaryDir()
    await writeFile(join(dir.path, 'lab.config.ts'), LAB)
    const [config = '', machine = ''] = name.split('/')
    const { exitCode, results, stderr } = await callLabRun(['--config', config, '--machine', machine], { cwd: dir.path })
    expect(stderr).toBe('')
    expect(results?.cells.flatMap(({ cases }) => cases.filter(({ unexpected }) => unexpected).map(({ id, message }) => `${id}: ${message ?? ''}`))).toEqual([])
    expect(exitCode).toBe(0)
    const passed = new Set(results?.cells.flatMap(({ cases }) => cases.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id)))
    // Without an IOMMU no queue can be out of reach.
    const claimed = claims.filter(({ capability }) => machine !== 'none' || capability !== 'queue-fault')
    expect(claimed.filter(({ ids }) => !ids.some((id) => passed.has(id))).map(({ what }) => what)).toEqual([])
    for (const id of ['device-irq/absent-pci-testdev', 'device-irq/absent-ivshmem', 'device-reset/absent-ivshmem']) expect(passed).toContain(id)
  },
})
