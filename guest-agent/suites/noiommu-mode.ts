import { setTimeout } from 'node:timers/promises'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import { tainted } from '../case/kernel-log.ts'
import { NOIOMMU_PARAMETER, writeParameters } from '../pci/module-parameters.ts'
import { withoutCapability } from '../sys/capability.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { physicalAddress } from '../sys/physical.ts'
import { readText } from '../sys/text-file.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const NEEDS = { config: ['IOMMUFD_NOIOMMU'], access: 'cdev', iommu: 'none' } as const
const SOURCES = ['drivers/vfio/device_cdev.c', 'drivers/vfio/vfio_main.c', 'drivers/iommu/iommufd/device.c']
const TAINT = 'Adding kernel taint for vfio-noiommu'
const REQUEST = 'No device request channel registered'

/** Switches the noiommu mode for the rest of the case. */
const setMode = (lab: CaseContext, value: 'Y' | 'N'): void => {
  const before = readText(NOIOMMU_PARAMETER) ?? 'N'
  lab.defer(() => { writeParameters(new Map([[NOIOMMU_PARAMETER, before]])) })
  writeParameters(new Map([[NOIOMMU_PARAMETER, value]]))
}

const privilege = defineCase({
  name: 'open-needs-rawio',
  title: 'a noiommu cdev opens for the holder of CAP_SYS_RAWIO only',
  needs: { ...NEEDS, privilege: ['CAP_SYS_RAWIO'] },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: SOURCES },
  run: (lab) => {
    for (let round = 0; round < 3; round += 1) {
      withoutCapability('CAP_SYS_RAWIO', () => { expectErrno('EPERM', () => openCdev(lab)) })
    }
    const { cdev } = bindCdev(lab)
    ok(cdev.info().regions > 0, 'the device must answer to who may open it')
  },
})

const noDeviceLost = defineCase({
  name: 'refused-open-holds-nothing',
  title: 'an open that was refused does not keep the driver from letting the device go',
  needs: { ...NEEDS, privilege: ['CAP_SYS_RAWIO'] },
  covers: { ioctls: [], sources: SOURCES },
  provokes: [TAINT],
  run: async (lab) => {
    const device = lab.device()
    withoutCapability('CAP_SYS_RAWIO', () => { expectErrno('EPERM', () => openCdev(lab, device)) })
    lab.defer(() => { device.bind() })
    await device.unbind()
    equal(device.driver, undefined, 'driver of the device')
  },
})

const switched = defineCase({
  name: 'mode-switched-off-later',
  title: 'what was bound in noiommu mode stays usable when the mode is switched off, and unbinds; then it cannot be bound',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [...SOURCES, 'drivers/vfio/group.c'] },
  provokes: [TAINT],
  run: async (lab) => {
    const device = lab.device()
    lab.defer(() => { device.bind() })
    setMode(lab, 'N')
    const open = openThroughCdev(lab, device)
    ok(open.device.info().regions > 0, 'a device opened after the switch must answer')
    open.device.close()
    await device.unbind()
    expectErrno('EINVAL', () => { device.bind() })
    equal(device.cdevNode, undefined, 'node of the device that could not be bound')
  },
})

const switchedWhileOpen = defineCase({
  name: 'mode-switched-off-while-open',
  title: 'a device that is bound to an iommufd when the mode is switched off still answers, attaches and maps; unbinding waits for its close',
  needs: { ...NEEDS, uapi: ['IOMMU_IOAS_NOIOMMU_GET_PA'] },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: [...SOURCES, 'drivers/vfio/group.c'] },
  provokes: [TAINT, REQUEST],
  run: async (lab) => {
    const device = lab.device()
    lab.defer(() => { device.bind() })
    const { iommu, cdev } = bindCdev(lab, device)
    const second = openCdev(lab, device)
    setMode(lab, 'N')
    const ioas = iommu.ioasAlloc()
    cdev.attach(ioas.id)
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    equal(ioas.noiommuGetPa(ioas.map(memory), 1n).physical, physicalAddress(memory), 'the physical address')
    cdev.detach()
    // Its close gives the device free, for the open that came before the switch.
    cdev.close()
    second.bind(iommu)
    ok(second.info().regions > 0, 'a device bound after the switch must answer')
    let done = false
    const unbinding = device.unbind().then(() => { done = true })
    await setTimeout(100, undefined, { signal: lab.signal })
    equal(done, false, 'the driver let go of a device that is open')
    ok(second.info().regions > 0, 'the open device must still answer')
    second.close()
    await unbinding
    equal(device.driver, undefined, 'driver of the device')
  },
})

const named = defineCase({
  name: 'name-and-taint',
  title: 'a noiommu device is named so in sysfs and in /dev and taints the kernel',
  needs: NEEDS,
  covers: { ioctls: [], sources: SOURCES },
  provokes: [TAINT],
  run: async (lab) => {
    const device = lab.device()
    lab.defer(() => { device.bind() })
    await device.unbind()
    device.bind()
    const name = device.vfioName ?? ''
    ok(/^noiommu-vfio\d+$/.test(name), `a noiommu device must be named noiommu-vfioN: ${name}`)
    equal(device.cdevNode, `/dev/vfio/devices/${name}`, 'node of the device')
    const TAINT_USER = 1 << 6
    equal(tainted() & TAINT_USER, TAINT_USER, 'taint of the kernel by what user space did')
  },
})

const behindIommu = defineCase({
  name: 'not-behind-iommu',
  title: 'noiommu mode does not take a device away from its IOMMU: it keeps its name, its page table and its reserved ranges',
  needs: { config: ['VFIO_NOIOMMU'], access: 'cdev', iommu: 'present' },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'IOMMU_IOAS_IOVA_RANGES', 'IOMMU_GET_HW_INFO'], sources: [...SOURCES, 'drivers/vfio/group.c'] },
  run: async (lab) => {
    const device = lab.device()
    lab.defer(() => { device.bind() })
    setMode(lab, 'Y')
    await device.unbind()
    device.bind()
    ok(/^vfio\d+$/.test(device.vfioName ?? ''), `a device behind an IOMMU must be named vfioN: ${device.vfioName ?? 'nothing'}`)
    equal(device.groupIsNoiommu, false, 'its group is a noiommu group')
    const { iommu, ioas, deviceId } = openThroughCdev(lab, device)
    iommu.hwInfo(deviceId)
    ok(ioas.ranges().ranges.length > 1, 'the MSI window must be reserved')
  },
})

const onLater = defineCase({
  name: 'mode-switched-on-later',
  title: 'switching the mode on changes nothing of a device that is bound already: behind its IOMMU it opens without CAP_SYS_RAWIO and unbinds',
  needs: { config: ['VFIO_NOIOMMU'], access: 'cdev', iommu: 'present', privilege: ['CAP_SYS_RAWIO'] },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [...SOURCES, 'drivers/vfio/group.c'] },
  run: async (lab) => {
    const device = lab.device()
    lab.defer(() => { device.bind() })
    setMode(lab, 'N')
    await device.unbind()
    device.bind()
    const before = openThroughCdev(lab, device)
    setMode(lab, 'Y')
    before.device.detach()
    before.device.close()
    withoutCapability('CAP_SYS_RAWIO', () => {
      const { device: cdev } = openThroughCdev(lab, device)
      ok(cdev.info().regions > 0, 'a device opened after the switch must answer')
      cdev.close()
    })
    await device.unbind()
    equal(device.driver, undefined, 'driver of the device')
  },
})

export const noiommuMode = suite('noiommu-mode', [privilege, noDeviceLost, switched, switchedWhileOpen, named, behindIommu, onLater])
