import fs from 'node:fs'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { dmaWriter } from '../devices/drive.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { NOIOMMU_PARAMETER, writeParameters } from '../pci/module-parameters.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { withoutCapability } from '../sys/capability.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup, openGroup, type ContainerPath } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'
import { VfioGroup } from '../vfio/vfio-group.ts'

const { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_NOIOMMU_IOMMU, VFIO_UNMAP_ALL } = VFIO
const GROUP = 'drivers/vfio/group.c'
const CONTAINER = 'drivers/vfio/container.c'
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'
const CONTAINERS: readonly ContainerPath[] = ['/dev/vfio/vfio', '/dev/iommu']

/** All the way from this group's node to its device. */
const useIn = (path: ContainerPath, node: string, { bdf }: PciDevice): void => {
  using container = Container.open(path)
  using group = VfioGroup.open(node)
  group.setContainer(container)
  container.setIommu(VFIO_NOIOMMU_IOMMU)
  group.device(bdf).close()
}

const switchOff = (lab: CaseContext): void => {
  lab.defer(() => { writeParameters(new Map([[NOIOMMU_PARAMETER, 'Y']])) })
  writeParameters(new Map([[NOIOMMU_PARAMETER, 'N']]))
}

export const groupNoiommu = suite('group-noiommu', [
  defineCase({
    name: 'usable',
    title: 'a noiommu group that has a node leads to its device through some container of this kernel',
    needs: { access: 'group', iommu: 'none' },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [GROUP, 'drivers/vfio/Kconfig'] },
    run: (lab) => {
      for (const pci of lab.devices()) {
        const node = pci.groupNode
        if (node === undefined) continue
        const told = CONTAINERS.filter((path) => fs.existsSync(path)).map((path) => [path, outcomeOf(() => { useIn(path, node, pci) })] as const)
        ok(told.some(([, outcome]) => outcome === 'ok'), `no container takes ${node}: ${told.map((each) => each.join(': ')).join(', ') || 'the kernel has none'}`)
      }
    },
  }),
  defineCase({
    name: 'mode-switched-off-later',
    title: 'a noiommu group outlives the mode: the device that is open answers, it is opened once more, and unbinds; the rest of it finds no driver',
    needs: { access: 'group', iommu: 'none', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'VFIO_SET_IOMMU', 'VFIO_CHECK_EXTENSION'], sources: [GROUP, CONTAINER] },
    provokes: ['Adding kernel taint for vfio-noiommu'],
    run: async (lab) => {
      const { pci, group, container } = attachGroup(lab)
      const device = lab.use(group.device(pci.bdf))
      lab.defer(() => { pci.bind() })
      switchOff(lab)
      ok(device.info().regions > 0, 'the open device must answer')
      const again = lab.use(group.device(pci.bdf))
      ok(again.info().regions > 0, 'the device opened after the switch must answer')
      for (const each of [again, device, group, container]) each.close()
      const late = lab.use(Container.open())
      const lateGroup = openGroup(lab, pci)
      lateGroup.setContainer(late)
      equal(late.checkExtension(VFIO_NOIOMMU_IOMMU), 0, 'VFIO_NOIOMMU_IOMMU with the mode off')
      expectErrno('ENODEV', () => { late.setIommu(VFIO_NOIOMMU_IOMMU) })
      for (const each of [lateGroup, late]) each.close()
      await pci.unbind()
      expectErrno('EINVAL', () => { pci.bind() })
      equal(pci.groupNode, undefined, 'node of the group whose device could not be bound')
    },
  }),
  defineCase({
    name: 'only-noiommu',
    title: 'a container with a noiommu group takes VFIO_NOIOMMU_IOMMU, once, and no other type, and maps nothing',
    needs: { access: 'group', iommu: 'none', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_GET_INFO'], sources: [CONTAINER] },
    run: (lab) => {
      const container = lab.use(Container.open())
      openGroup(lab).setContainer(container)
      equal(container.checkExtension(VFIO_NOIOMMU_IOMMU), 1, 'VFIO_NOIOMMU_IOMMU with a noiommu group')
      for (const type of [VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_UNMAP_ALL]) {
        equal(container.checkExtension(type), 0, `extension ${type} with a noiommu group`)
        expectErrno('ENODEV', () => { container.setIommu(type) })
      }
      container.setIommu(VFIO_NOIOMMU_IOMMU)
      expectErrno('EINVAL', () => { container.setIommu(VFIO_NOIOMMU_IOMMU) })
      expectErrno('ENOTTY', () => { container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x1000n) })
      expectErrno('ENOTTY', () => container.unmapDma(0x1000n, PAGE_SIZE))
      expectErrno('ENOTTY', () => container.ioctl('VFIO_IOMMU_GET_INFO', vfioStructs.iommuType1Info.make()))
    },
  }),
  defineCase({
    name: 'container-privilege',
    title: 'every step from a noiommu group to its device wants CAP_SYS_RAWIO, whoever opened the group',
    needs: { access: 'group', iommu: 'none', config: ['VFIO_CONTAINER'], privilege: ['CAP_SYS_RAWIO'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [CONTAINER, GROUP] },
    run: (lab) => {
      const container = lab.use(Container.open())
      const group = openGroup(lab)
      const refused = (step: () => unknown) => withoutCapability('CAP_SYS_RAWIO', () => expectErrno('EPERM', step))
      refused(() => { group.setContainer(container) })
      group.setContainer(container)
      refused(() => { container.setIommu(VFIO_NOIOMMU_IOMMU) })
      container.setIommu(VFIO_NOIOMMU_IOMMU)
      refused(() => group.device(lab.device().bdf))
    },
  }),
  defineCase({
    name: 'iommufd-privilege',
    title: 'with /dev/iommu as the container VFIO_SET_IOMMU and the device of a noiommu group want CAP_SYS_RAWIO too',
    needs: { access: 'group', iommu: 'none', config: ['IOMMUFD'], privilege: ['CAP_SYS_RAWIO'] },
    covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [COMPAT, GROUP] },
    run: (lab) => {
      const { group, container, pci } = attachGroup(lab, { path: '/dev/iommu' })
      withoutCapability('CAP_SYS_RAWIO', () => {
        expectErrno('EPERM', () => { container.setIommu(VFIO_NOIOMMU_IOMMU) })
        expectErrno('EPERM', () => group.device(pci.bdf))
      })
    },
  }),
  defineCase({
    name: 'iommufd',
    title: '/dev/iommu as the container of a noiommu group knows VFIO_NOIOMMU_IOMMU only and has no address space',
    needs: { access: 'group', iommu: 'none', config: ['IOMMUFD'] },
    covers: {
      ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA', 'VFIO_GROUP_GET_DEVICE_FD'],
      sources: [COMPAT, GROUP, 'drivers/vfio/iommufd.c'],
    },
    run: (lab) => {
      const container = lab.use(Container.open('/dev/iommu'))
      const group = openGroup(lab)
      group.setContainer(container)
      equal(container.checkExtension(VFIO_NOIOMMU_IOMMU), 1, 'VFIO_NOIOMMU_IOMMU with a noiommu group')
      for (const type of [VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU]) {
        equal(container.checkExtension(type), 0, `extension ${type} with a noiommu group`)
        expectErrno('EINVAL', () => { container.setIommu(type) })
      }
      container.setIommu(VFIO_NOIOMMU_IOMMU)
      expectErrno('ENODEV', () => { container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x1000n) })
      lab.use(group.device(lab.device().bdf)).info()
    },
  }),
  defineCase({
    name: 'iommufd-with-ioas',
    title: 'an iommufd whose user expects translation is no container for a noiommu group: EINVAL before, EPERM for the device after',
    needs: { access: 'group', iommu: 'none', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD', 'IOMMU_VFIO_IOAS'], sources: [COMPAT, GROUP] },
    run: (lab) => {
      const iommu = lab.use(IommuFd.open())
      const group = openGroup(lab)
      iommu.setVfioIoas(iommu.ioasAlloc().id)
      expectErrno('EINVAL', () => { group.setContainer(iommu) })
      iommu.clearVfioIoas()
      group.setContainer(iommu)
      iommu.setVfioIoas(iommu.ioasAlloc().id)
      expectErrno('EPERM', () => group.device(lab.device().bdf))
    },
  }),
  defineCase({
    name: 'dma',
    title: 'a device of a noiommu group writes to the physical address it is given',
    needs: { access: 'group', iommu: 'none', device: ['dma-write', 'fault-report'], config: ['VFIO_CONTAINER'], privilege: ['CAP_SYS_ADMIN'] },
    covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [CONTAINER, GROUP] },
    run: async (lab) => {
      const open = openThroughGroup(lab, lab.device(['dma-write', 'fault-report']))
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const writer = await dmaWriter(lab, open)
      const report = await writer.dmaWrite(open.dma.map(memory), 64)
      equalWritten(memory.bytes.slice(0, 64), report, 'memory at the physical address')
    },
  }),
])
