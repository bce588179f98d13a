import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { withoutCapability } from '../sys/capability.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const { IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_RLIMIT_MODE } = IOMMUFD

const hugePages = defineCase({
  name: 'huge-pages',
  title: 'an IOAS combines pages until told not to; then every mapping must be whole pages',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_OPTION', 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_IOVA_RANGES'], sources: ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const [ioas, other] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    equal(iommu.getOption(IOMMU_OPTION_HUGE_PAGES, ioas.id), 1n, 'the option of a new IOAS')
    ioas.map({ address, length: 64 }, { iova: 0x1_0000n })
    expectErrno('EADDRINUSE', () => { iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 0n, ioas.id) })
    equal(iommu.getOption(IOMMU_OPTION_HUGE_PAGES, ioas.id), 1n, 'the option after it could not be changed')
    ioas.unmapAll()
    iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 0n, ioas.id)
    equal(iommu.getOption(IOMMU_OPTION_HUGE_PAGES, ioas.id), 0n, 'the option after it was changed')
    equal(iommu.getOption(IOMMU_OPTION_HUGE_PAGES, other.id), 1n, 'the option of another IOAS')
    equal(ioas.ranges().alignment, BigInt(PAGE_SIZE), 'alignment without huge pages')
    expectErrno('EINVAL', () => ioas.map({ address, length: 64 }, { iova: 0x1_0000n }))
    iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 1n, ioas.id)
    equal(ioas.ranges().alignment, 1n, 'alignment with huge pages again')
  },
})

const attached = defineCase({
  name: 'huge-pages-attached',
  title: 'huge pages cannot be switched off under mappings that a device has; without mappings they can',
  needs: { access: 'cdev' },
  covers: { ioctls: ['IOMMU_OPTION'], sources: ['drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const { iommu, ioas } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    const iova = ioas.map(memory)
    expectErrno('EINVAL', () => { iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 0n, ioas.id) })
    equal(iommu.getOption(IOMMU_OPTION_HUGE_PAGES, ioas.id), 1n, 'the option after it could not be changed')
    ioas.unmap(iova, memory.length)
    iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 0n, ioas.id)
    ioas.map(memory)
    iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 1n, ioas.id)
    equal(ioas.ranges().alignment, BigInt(PAGE_SIZE), 'alignment that the device asks for')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'unknown operations, values and objects are refused',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_OPTION'], sources: ['drivers/iommu/iommufd/main.c', 'drivers/iommu/iommufd/ioas.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const { id } = iommu.ioasAlloc()
    const option = (values: Parameters<typeof iommufdStructs.option.make>[0]) => iommu.ioctl('IOMMU_OPTION', iommufdStructs.option.make(values))
    expectErrno('EINVAL', () => { iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 2n, id) })
    expectErrno('ENOENT', () => iommu.getOption(IOMMU_OPTION_HUGE_PAGES, id + 1))
    expectErrno('ENOENT', () => { iommu.setOption(IOMMU_OPTION_HUGE_PAGES, 0n) })
    expectErrno('EOPNOTSUPP', () => option({ option_id: IOMMU_OPTION_HUGE_PAGES, object_id: id, op: 2 }))
    expectErrno('EOPNOTSUPP', () => option({ option_id: 2, object_id: id, op: IOMMUFD.IOMMU_OPTION_OP_GET }))
    expectErrno('EOPNOTSUPP', () => option({ option_id: IOMMU_OPTION_RLIMIT_MODE, op: 2 }))
    expectErrno('EOPNOTSUPP', () => iommu.getOption(IOMMU_OPTION_RLIMIT_MODE, id))
    equal(iommu.getOption(IOMMU_OPTION_HUGE_PAGES, id), 1n, 'the option after the refused calls')
  },
})

const rlimit = defineCase({
  name: 'rlimit-mode',
  title: 'the rlimit mode is set on an empty context only, by who has CAP_SYS_RESOURCE',
  needs: { config: ['IOMMUFD'], privilege: ['CAP_SYS_RESOURCE'] },
  covers: { ioctls: ['IOMMU_OPTION'], sources: ['drivers/iommu/iommufd/ioas.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const set = (value: bigint) => { iommu.setOption(IOMMU_OPTION_RLIMIT_MODE, value) }
    const get = () => iommu.getOption(IOMMU_OPTION_RLIMIT_MODE)
    equal(get(), 0n, 'the mode of a new context')
    withoutCapability('CAP_SYS_RESOURCE', () => {
      expectErrno('EPERM', () => { set(1n) })
      equal(get(), 0n, 'the mode, which anybody may ask for')
    })
    expectErrno('EINVAL', () => { set(2n) })
    set(1n)
    equal(get(), 1n, 'the mode after it was set')
    const ioas = iommu.ioasAlloc()
    expectErrno('EBUSY', () => { set(0n) })
    withoutCapability('CAP_SYS_RESOURCE', () => { expectErrno('EPERM', () => { set(0n) }) })
    equal(get(), 1n, 'the mode after it could not be changed')
    ioas.destroy()
    set(0n)
    equal(get(), 0n, 'the mode of the emptied context')
  },
})

export const iommufdOptions = suite('iommufd-options', [hugePages, attached, refusals, rlimit])
