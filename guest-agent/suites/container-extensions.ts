import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { NOIOMMU_PARAMETER } from '../pci/module-parameters.ts'
import { readText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup, compatPath } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'

const CONTAINER = 'drivers/vfio/container.c'
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'

/** Reserved for VFIO_TYPE1_NESTING_IOMMU, which is no more. */
const NESTING = 6
const NEVER = [0, VFIO.VFIO_SPAPR_TCE_IOMMU, VFIO.VFIO_EEH, NESTING, VFIO.VFIO_SPAPR_TCE_v2_IOMMU, 11, 0xffff_ffff]
const TYPE1 = [VFIO.VFIO_TYPE1_IOMMU, VFIO.VFIO_TYPE1v2_IOMMU, VFIO.VFIO_UNMAP_ALL]

const answers = (container: Container, extensions: readonly number[], answer: number, when: string): void => {
  for (const extension of extensions) equal(container.checkExtension(extension), answer, `VFIO_CHECK_EXTENSION(${extension}) ${when}`)
}

const noiommuModeIsOn = (): boolean => readText(NOIOMMU_PARAMETER) === 'Y'

const hasVfioNoiommu = (lab: CaseContext): number => (lab.config('VFIO_NOIOMMU') ? 1 : 0)

export const containerExtensions = suite('container-extensions', [
  defineCase({
    name: 'unprivileged',
    title: 'a container without a group tells its version and what it could do, and does nothing',
    needs: { config: ['VFIO_IOMMU_TYPE1'] },
    covers: { ioctls: ['VFIO_GET_API_VERSION', 'VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_GET_INFO'], sources: [CONTAINER] },
    run: (lab) => {
      const container = lab.use(Container.open())
      equal(container.apiVersion(), VFIO.VFIO_API_VERSION, 'VFIO_GET_API_VERSION')
      answers(container, TYPE1, 1, 'without a group')
      answers(container, NEVER, 0, 'without a group')
      // Both are properties of the domains that are not there yet.
      answers(container, [VFIO.VFIO_DMA_CC_IOMMU, VFIO.VFIO_UPDATE_VADDR], 0, 'without a group')
      answers(container, [VFIO.VFIO_NOIOMMU_IOMMU], lab.config('VFIO_NOIOMMU') && noiommuModeIsOn() ? 1 : 0, 'without a group')
      for (const type of [VFIO.VFIO_TYPE1v2_IOMMU, VFIO.VFIO_NOIOMMU_IOMMU]) expectErrno('EINVAL', () => { container.setIommu(type) })
      expectErrno('EINVAL', () => container.ioctl('VFIO_IOMMU_GET_INFO', vfioStructs.iommuType1Info.make()))
      expectErrno('EINVAL', () => container.unmapDma(0n, 0x1000))
    },
  }),
  defineCase({
    name: 'type1',
    title: 'with type1 set, a container also tells that it updates addresses, and no more that it could be a noiommu one',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] },
    covers: { ioctls: ['VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU'], sources: [CONTAINER, 'drivers/vfio/vfio_iommu_type1.c'] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      answers(container, [...TYPE1, VFIO.VFIO_UPDATE_VADDR], 1, 'with type1')
      answers(container, [...NEVER, VFIO.VFIO_NOIOMMU_IOMMU], 0, 'with type1')
      ok([0, 1].includes(container.checkExtension(VFIO.VFIO_DMA_CC_IOMMU)), 'VFIO_DMA_CC_IOMMU must be answered with 0 or 1')
      expectErrno('ENOTTY', () => container.ioctl('VFIO_DEVICE_RESET'))
    },
  }),
  defineCase({
    name: 'iommufd',
    title: 'iommufd as a container tells its version and extensions; what needs an address space is ENODEV until there is one',
    needs: { config: ['IOMMUFD', 'VFIO_GROUP'] },
    covers: { ioctls: ['VFIO_GET_API_VERSION', 'VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_GET_INFO'], sources: [COMPAT] },
    run: (lab) => {
      const container = lab.use(Container.open(compatPath(lab)))
      equal(container.apiVersion(), VFIO.VFIO_API_VERSION, 'VFIO_GET_API_VERSION')
      answers(container, TYPE1, 1, 'of iommufd')
      answers(container, [...NEVER, VFIO.VFIO_UPDATE_VADDR], 0, 'of iommufd')
      answers(container, [VFIO.VFIO_NOIOMMU_IOMMU], hasVfioNoiommu(lab), 'of iommufd')
      expectErrno('ENODEV', () => container.checkExtension(VFIO.VFIO_DMA_CC_IOMMU))
      for (const type of [VFIO.VFIO_TYPE1_IOMMU, VFIO.VFIO_TYPE1v2_IOMMU]) expectErrno('ENODEV', () => { container.setIommu(type) })
      for (const type of [0, VFIO.VFIO_NOIOMMU_IOMMU, VFIO.VFIO_UNMAP_ALL]) expectErrno('EINVAL', () => { container.setIommu(type) })
      expectErrno('ENODEV', () => container.ioctl('VFIO_IOMMU_GET_INFO', vfioStructs.iommuType1Info.make()))
      expectErrno('ENODEV', () => container.unmapDma(0n, 0x1000))
    },
  }),
])
