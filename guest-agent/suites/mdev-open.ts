import { setTimeout } from 'node:timers/promises'
import fs from 'node:fs'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { Mdev } from '../mdev/mdev.ts'
import { attachMdev, bindMdev, createMdev, openMdev, openMdevGroup, openNewMdev } from '../mdev/open-mdev.ts'
import { MttyPort } from '../mdev/mtty.ts'
import { NOIOMMU_PARAMETER } from '../pci/module-parameters.ts'
import { withoutCapability } from '../sys/capability.ts'
import { readText, writeText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { Container } from '../vfio/container.ts'
import { VfioCdev } from '../vfio/vfio-cdev.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'
import { VfioGroup } from '../vfio/vfio-group.ts'

const MTTY = 'SAMPLE_VFIO_MDEV_MTTY'
const CDEV = { config: [MTTY, 'VFIO_DEVICE_CDEV'] }
const GROUP = { config: [MTTY, 'VFIO_GROUP', 'VFIO_CONTAINER|IOMMUFD'] }
const EMULATED = ['drivers/vfio/iommufd.c', 'drivers/iommu/iommufd/device.c']
const DOORS = ['drivers/vfio/vfio_main.c', 'drivers/vfio/device_cdev.c', 'drivers/vfio/group.c']

/** It is the device that it says it is: a register keeps what is written. */
const works = (device: VfioDevice): void => {
  const port = new MttyPort(device)
  port.scratch = 0x5a
  equal(port.scratch, 0x5a, 'a register of the device')
}

const cdev = defineCase({
  name: 'cdev',
  title: 'an mdev is bound through its cdev without any IOMMU: an object of the context that is busy, and owned once',
  needs: CDEV,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'IOMMU_DESTROY'], sources: [...EMULATED, ...DOORS] },
  run: (lab) => {
    const mdev = createMdev(lab, 'mtty', '1')
    const unbound = lab.use(VfioCdev.open(mdev.cdevNode ?? ''))
    expectErrno('EINVAL', () => unbound.info())
    const { iommu, cdev: owner, deviceId } = bindMdev(lab, mdev)
    ok(deviceId !== 0, 'an object id is never 0')
    works(owner)
    expectErrno('EINVAL', () => unbound.bind(iommu))
    expectErrno('EINVAL', () => owner.bind(iommu))
    expectErrno('EBUSY', () => { iommu.destroy(deviceId) })
    owner.close()
    expectErrno('ENOENT', () => { iommu.destroy(deviceId) })
    unbound.bind(iommu)
    works(unbound)
  },
})

const notPhysical = defineCase({
  name: 'no-iommu-behind-it',
  title: 'a bound mdev has no hardware: no HW_INFO, no page table, no vIOMMU for it (ENOENT), and no PASID (EOPNOTSUPP)',
  needs: CDEV,
  covers: { ioctls: ['IOMMU_GET_HW_INFO', 'IOMMU_HWPT_ALLOC', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: EMULATED },
  run: (lab) => {
    const { iommu, cdev: device, deviceId, ioas } = attachMdev(lab, createMdev(lab, 'mtty', '1'))
    expectErrno('ENOENT', () => iommu.hwInfo(deviceId))
    expectErrno('ENOENT', () => iommu.hwptAlloc({ deviceId, ptId: ioas.id }))
    const { deviceAttachIommufdPt, deviceDetachIommufdPt } = vfioStructs
    expectErrno('EOPNOTSUPP', () => device.ioctl('VFIO_DEVICE_ATTACH_IOMMUFD_PT', deviceAttachIommufdPt.make({ flags: VFIO.VFIO_DEVICE_ATTACH_PASID, pt_id: ioas.id, pasid: 1 })))
    expectErrno('EOPNOTSUPP', () => device.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', deviceDetachIommufdPt.make({ flags: VFIO.VFIO_DEVICE_DETACH_PASID, pasid: 1 })))
    works(device)
  },
})

const attach = defineCase({
  name: 'attach',
  title: 'an mdev is attached to an IOAS itself, which is busy then; it is moved to another, detached, and attached to nothing else (ENOENT)',
  needs: CDEV,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT', 'IOMMU_DESTROY'], sources: EMULATED },
  run: (lab) => {
    const { iommu, cdev: device, deviceId } = bindMdev(lab, createMdev(lab, 'mtty', '1'))
    const [first, second] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    device.detach()
    equal(device.attach(first.id), first.id, 'what an mdev is attached to')
    expectErrno('EBUSY', () => { first.destroy() })
    device.attach(first.id)
    equal(device.attach(second.id), second.id, 'what a moved mdev is attached to')
    first.destroy()
    for (const wrong of [first.id, deviceId, 0xffff]) expectErrno('ENOENT', () => device.attach(wrong))
    // What was refused has changed nothing.
    expectErrno('EBUSY', () => { second.destroy() })
    device.detach()
    device.detach()
    second.destroy()
    device.attach(iommu.ioasAlloc().id)
    device.close()
  },
})

const group = defineCase({
  name: 'group',
  title: 'an mdev is opened through a group of its own, which is viable and no noiommu group, and by its uuid only',
  needs: { config: [MTTY, 'VFIO_GROUP', 'VFIO_IOMMU_TYPE1'] },
  covers: {
    ioctls: ['VFIO_GROUP_GET_STATUS', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD', 'VFIO_CHECK_EXTENSION'],
    sources: ['drivers/vfio/group.c', 'drivers/vfio/container.c', 'drivers/vfio/vfio_iommu_type1.c'],
  },
  run: (lab) => {
    const mdev = createMdev(lab, 'mtty', '1')
    const container = lab.use(Container.open())
    const node = lab.use(VfioGroup.open(mdev.groupNode ?? ''))
    equal(node.status(), VFIO.VFIO_GROUP_FLAGS_VIABLE, 'status of the group')
    expectErrno('EBUSY', () => VfioGroup.open(mdev.groupNode ?? ''))
    expectErrno('EINVAL', () => node.device(mdev.uuid))
    node.setContainer(container)
    expectErrno('ENODEV', () => { container.setIommu(VFIO.VFIO_NOIOMMU_IOMMU) })
    for (const type of [VFIO.VFIO_TYPE1_IOMMU, VFIO.VFIO_TYPE1v2_IOMMU]) equal(container.checkExtension(type), 1, `type ${type} of the container`)
    container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    for (const name of ['', 'mtty', mdev.uuid.slice(1)]) expectErrno('ENODEV', () => node.device(name))
    const device = lab.use(node.device(mdev.uuid))
    works(device)
    // Through a group it may be opened more than once.
    works(lab.use(node.device(mdev.uuid)))
    expectErrno('EBUSY', () => { node.unsetContainer() })
  },
})

const groupInIommufd = defineCase({
  name: 'group-in-iommufd',
  title: 'a group of an mdev takes a /dev/iommu as its container: the device is attached to the compat IOAS',
  needs: { config: [MTTY, 'VFIO_GROUP', 'IOMMUFD'] },
  covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD', 'IOMMU_VFIO_IOAS'], sources: [...EMULATED, 'drivers/vfio/group.c', 'drivers/iommu/iommufd/vfio_compat.c'] },
  run: (lab) => {
    const { container, device } = openMdevGroup(lab, createMdev(lab, 'mtty', '1'), { path: '/dev/iommu' })
    works(device)
    const answer = container.info()
    ok((answer.flags & VFIO.VFIO_IOMMU_INFO_PGSIZES) !== 0, 'page sizes of the compat IOAS')
    // What only a cdev can be told reaches the driver, which does not know it.
    expectErrno('ENOTTY', () => device.ioctl('VFIO_DEVICE_ATTACH_IOMMUFD_PT', vfioStructs.deviceAttachIommufdPt.make({ pt_id: 1 })))
  },
})

const oneDoor = defineCase({
  name: 'one-door',
  title: 'an mdev that is open through its group is not bound through its cdev, nor the other way round',
  needs: { config: [MTTY, 'VFIO_GROUP', 'VFIO_DEVICE_CDEV', 'VFIO_CONTAINER|IOMMUFD'] },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD'], sources: DOORS },
  run: (lab) => {
    const mdev = createMdev(lab, 'mtty', '1')
    const { group: node, device, container } = openMdevGroup(lab, mdev)
    expectErrno('EBUSY', () => bindMdev(lab, mdev))
    for (const each of [device, node, container]) each.close()
    const { cdev: bound } = bindMdev(lab, mdev)
    expectErrno('EBUSY', () => VfioGroup.open(mdev.groupNode ?? ''))
    works(bound)
  },
})

/** The noiommu mode on, whatever this cell's devices need; put back when the case ends. */
const switchNoiommuOn = (lab: CaseContext): void => {
  const before = readText(NOIOMMU_PARAMETER) ?? 'N'
  lab.defer(() => { if (readText(NOIOMMU_PARAMETER) !== before) writeText(NOIOMMU_PARAMETER, before) })
  writeText(NOIOMMU_PARAMETER, 'Y')
}

const noiommu = defineCase({
  name: 'not-noiommu',
  title: 'with the noiommu mode on an mdev is made as ever: its nodes have plain names and want no CAP_SYS_RAWIO, whatever door the kernel has',
  needs: { config: [MTTY, 'VFIO_NOIOMMU', 'VFIO_DEVICE_CDEV|VFIO_GROUP'], privilege: ['CAP_SYS_RAWIO'] },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD'], sources: DOORS },
  run: (lab) => {
    switchNoiommuOn(lab)
    const mdev = createMdev(lab, 'mtty', '1')
    ok(/^vfio\d+$/.test(mdev.vfioName ?? ''), `an mdev must be called vfioN: ${mdev.vfioName ?? 'nothing'}`)
    equal(mdev.groupNumber !== undefined, lab.config('VFIO_GROUP'), 'it has a group')
    equal(mdev.groupNode !== undefined, lab.config('VFIO_GROUP'), 'its group has a node')
    equal(fs.existsSync(`/dev/vfio/noiommu-${mdev.groupNumber ?? 0}`), false, 'its group has a noiommu node')
    withoutCapability('CAP_SYS_RAWIO', () => { works(openMdev(lab, mdev)) })
  },
})

const waits = (open: (mdev: Mdev, lab: CaseContext) => VfioDevice) => async (lab: CaseContext): Promise<void> => {
  const mdev = createMdev(lab, 'mtty', '1')
  const device = open(mdev, lab)
  const node = mdev.cdevNode
  let done = false
  const removing = mdev.remove().then(() => { done = true })
  const gone = performance.now() + 5000
  while (node !== undefined && fs.existsSync(node) && performance.now() < gone) await setTimeout(5, undefined, { signal: lab.signal })
  equal(node !== undefined && fs.existsSync(node), false, 'the node of a device that is being removed is there')
  await setTimeout(50, undefined, { signal: lab.signal })
  equal(done, false, 'the device was removed while it is open')
  works(device)
  device.close()
  await removing
  equal(mdev.exists, false, 'the removed device is there')
}

const removeCdev = defineCase({
  name: 'remove-waits-cdev',
  title: 'removing an mdev that is open takes its node away at once, waits, and is done when it is closed',
  needs: CDEV,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: [...DOORS, 'drivers/vfio/mdev/mdev_core.c'] },
  run: waits((mdev, lab) => attachMdev(lab, mdev).cdev),
})

const removeGroup = defineCase({
  name: 'remove-waits-group',
  title: 'the same through its group: the device goes when it is closed, although its group and the container are open',
  needs: GROUP,
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD'], sources: [...DOORS, 'drivers/vfio/mdev/mdev_core.c'] },
  run: waits((mdev, lab) => openMdevGroup(lab, mdev).device),
})

const groupGone = defineCase({
  name: 'group-outlives-device',
  title: 'a group that is open when its mdev is removed has lost it: no device, no container (ENODEV), and it can be closed',
  needs: { config: [MTTY, 'VFIO_GROUP', 'VFIO_CONTAINER'] },
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_STATUS'], sources: DOORS },
  run: async (lab) => {
    const mdev = createMdev(lab, 'mtty', '1')
    const { group: node, device, container } = openMdevGroup(lab, mdev)
    device.close()
    await mdev.remove()
    expectErrno('ENODEV', () => node.device(mdev.uuid))
    expectErrno('ENODEV', () => node.status())
    node.close()
    container.close()
    // The next one may get the same number.
    works(openNewMdev(lab, 'mtty', '1'))
  },
})

export const mdevOpen = suite('mdev-open', [cdev, notPhysical, attach, group, groupInIommufd, oneDoor, noiommu, removeCdev, removeGroup, groupGone])
