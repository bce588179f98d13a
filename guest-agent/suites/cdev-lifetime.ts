import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { pinnedKb } from '../sys/locked-memory.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const NEEDS = { access: 'cdev' } as const
const SOURCES = ['drivers/vfio/device_cdev.c', 'drivers/vfio/vfio_main.c', 'drivers/vfio/iommufd.c', 'drivers/iommu/iommufd/device.c', 'drivers/iommu/iommufd/main.c']

const contextFirst = defineCase({
  name: 'context-closed-first',
  title: 'a bound device keeps its context alive: it still translates after /dev/iommu is closed, and its close ends all',
  needs: { ...NEEDS, iommu: 'present', deviceKind: 'iommu-testdev' },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  provokes: ['DMAR: ', 'virtio_iommu'],
  run: (lab) => {
    const open = openThroughCdev(lab, lab.device('iommu-testdev'))
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const before = pinnedKb()
    const iova = open.ioas.map(memory)
    open.iommu.close()
    new IommuTestdev(open).write(iova, 4)
    ok(memory.words[0] !== 0, 'the DMA must arrive after /dev/iommu was closed')
    equal(pinnedKb() - before, 4, 'kB pinned while the device is open')
    open.device.detach()
    ok(open.device.attach(open.ioas.id) !== 0, 'the device can be attached again without a descriptor of its context')
    open.device.close()
    equal(pinnedKb(), before, 'kB pinned after the device was closed')
  },
})

const deviceFirst = defineCase({
  name: 'device-closed-first',
  title: 'closing an attached device detaches it: its IOAS is free, pins nothing, and takes the next device',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_DESTROY'], sources: SOURCES },
  run: (lab) => {
    const device = lab.device()
    const { iommu, ioas, deviceId, ptId, device: cdev } = openThroughCdev(lab, device)
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    const before = pinnedKb()
    ioas.map(memory)
    equal(pinnedKb() - before, 16, 'kB pinned while attached')
    cdev.close()
    equal(pinnedKb(), before, 'kB pinned after the device was closed')
    for (const id of [deviceId, ptId]) expectErrno('ENOENT', () => { iommu.destroy(id) })
    const again = bindCdev(lab, device, iommu)
    again.cdev.attach(ioas.id)
    equal(pinnedKb() - before, 16, 'kB pinned by the mapping that was there already')
    again.cdev.close()
    ioas.destroy()
  },
})

const rounds = defineCase({
  name: 'many-rounds',
  title: 'open, bind, attach, map and close leave nothing behind, in either order of closing',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'], sources: SOURCES },
  run: (lab) => {
    const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
    const before = pinnedKb()
    for (let round = 0; round < 12; round += 1) {
      const iommu = IommuFd.open()
      const { cdev } = bindCdev(lab, lab.device(), iommu)
      const ioas = iommu.ioasAlloc()
      if (round % 2 === 0) cdev.attach(ioas.id)
      ioas.map(memory)
      if (round % 2 === 1) cdev.attach(ioas.id)
      if (round % 3 === 0) cdev.detach()
      for (const each of round % 4 < 2 ? [iommu, cdev] : [cdev, iommu]) each.close()
    }
    equal(pinnedKb(), before, 'kB pinned after all rounds')
  },
})

const unbind = defineCase({
  name: 'unbind-waits',
  title: 'unbinding the driver takes the node away at once and waits until the device is closed',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: ['drivers/vfio/vfio_main.c', 'drivers/vfio/device_cdev.c', 'drivers/vfio/group.c'] },
  provokes: ['No device request channel registered'],
  run: async (lab) => {
    const device = lab.device()
    const { cdev } = bindCdev(lab, device)
    const unbound = openCdev(lab, device)
    const node = device.cdevNode ?? ''
    lab.defer(() => { device.bind() })
    let done = false
    const unbinding = device.unbind().then(() => { done = true })
    const gone = performance.now() + 5000
    while (fs.existsSync(node) && performance.now() < gone) await setTimeout(5, undefined, { signal: lab.signal })
    equal(fs.existsSync(node), false, `${node} is still there`)
    await setTimeout(50, undefined, { signal: lab.signal })
    equal(done, false, 'the driver let go of a device that is open')
    ok(cdev.info().regions > 0, 'the open device must still answer')
    cdev.close()
    await setTimeout(20, undefined, { signal: lab.signal })
    equal(done, false, 'the driver let go of a device that is open once more, though not bound')
    unbound.close()
    await unbinding
    equal(device.driver, undefined, 'driver of the device')
  },
})

export const cdevLifetime = suite('cdev-lifetime', [contextFirst, deviceFirst, rounds, unbind])
