import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Fd } from '../sys/fd.ts'
import { checked } from '../sys/libc.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'

const F_DUPFD_CLOEXEC = 1030
const MAIN = 'drivers/iommu/iommufd/main.c'

const destroy = defineCase({
  name: 'destroy-once',
  title: 'IOMMU_DESTROY takes an object away once; unknown ids are ENOENT',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_DESTROY', 'IOMMU_IOAS_ALLOC'], sources: [MAIN, 'drivers/iommu/iommufd/ioas.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const first = iommu.ioasAlloc()
    const second = iommu.ioasAlloc()
    ok(first.id !== 0 && second.id !== 0, `0 is no object id: ids ${first.id} and ${second.id}`)
    ok(first.id !== second.id, `two live objects share the id ${first.id}`)
    for (const id of [0, Math.max(first.id, second.id) + 1, 0xffff_ffff]) expectErrno('ENOENT', () => { iommu.destroy(id) })
    first.destroy()
    expectErrno('ENOENT', () => { first.destroy() })
    expectErrno('ENOENT', () => first.map({ address: 0x1000n, length: PAGE_SIZE }))
    second.ranges()
    second.destroy()
  },
})

const contexts = defineCase({
  name: 'ids-belong-to-one-context',
  title: 'an object of one open /dev/iommu does not exist in another',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC', 'IOMMU_IOAS_IOVA_RANGES', 'IOMMU_DESTROY', 'IOMMU_IOAS_COPY'], sources: [MAIN] },
  run: (lab) => {
    const one = lab.use(IommuFd.open())
    const other = lab.use(IommuFd.open())
    // Three against one, so that the highest id exists on one side only.
    const foreign = [one.ioasAlloc(), one.ioasAlloc(), one.ioasAlloc()].reduce((a, b) => (a.id > b.id ? a : b))
    const own = other.ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const iova = foreign.map(memory)
    expectErrno('ENOENT', () => { other.destroy(foreign.id) })
    expectErrno('ENOENT', () => own.copyFrom(foreign, { from: iova, length: BigInt(PAGE_SIZE) }))
    equal(foreign.unmapAll(), BigInt(PAGE_SIZE), 'bytes still mapped in the first context')
  },
})

const closing = defineCase({
  name: 'close-frees-everything',
  title: 'closing /dev/iommu ends its objects, with mappings and shared copies still in them',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC', 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_COPY'], sources: [MAIN, 'drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    for (let round = 0; round < 8; round += 1) {
      const iommu = IommuFd.open()
      const source = iommu.ioasAlloc()
      const copy = iommu.ioasAlloc()
      const iova = source.map(memory)
      copy.copyFrom(source, { from: iova, length: BigInt(memory.length) })
      source.copyFrom(source, { from: iova, length: BigInt(PAGE_SIZE) })
      if (round % 2 === 0) source.destroy()
      iommu.close()
    }
  },
})

const duplicates = defineCase({
  name: 'duplicate-keeps-context',
  title: 'a duplicate of the descriptor keeps the context and its objects alive',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC', 'IOMMU_DESTROY'], sources: [MAIN] },
  run: (lab) => {
    const first = IommuFd.open()
    const ioas = first.ioasAlloc()
    const number = checked('fcntl(F_DUPFD_CLOEXEC)', (c) => c.fcntl(first.fd.number, F_DUPFD_CLOEXEC, 0))
    const duplicate = lab.use(new IommuFd(new Fd(number, 'duplicate of /dev/iommu')))
    first.close()
    duplicate.destroy(ioas.id)
    expectErrno('ENOENT', () => { duplicate.destroy(ioas.id) })
  },
})

export const iommufdObjects = suite('iommufd-objects', [destroy, contexts, closing, duplicates])
