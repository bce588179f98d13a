import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { Failed } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { deviceFacts } from '../model/device-facts.ts'
import { failureText } from '../model/failure.ts'
import { IommufdModel, type ModelFacts } from '../model/iommufd-model.ts'
import { realKernel } from '../model/kernel.ts'
import { alignedAddress, MEMORY_BYTES } from '../model/memory.ts'
import { search, type Pair } from '../model/search.ts'
import { MAX_SEED } from '../protocol.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'

const IOAS_IOCTLS = [
  'IOMMU_IOAS_ALLOC', 'IOMMU_DESTROY', 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_COPY', 'IOMMU_IOAS_ALLOW_IOVAS', 'IOMMU_IOAS_IOVA_RANGES',
  'IOMMU_OPTION', 'IOMMU_VFIO_IOAS', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA',
]
const DEVICE_IOCTLS = ['IOMMU_HWPT_ALLOC', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT']
const SOURCES = ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/vfio_compat.c', 'drivers/iommu/iommufd/main.c']
const DEVICE_SOURCES = ['drivers/iommu/iommufd/device.c', 'drivers/iommu/iommufd/hw_pagetable.c', 'drivers/iommu/iommufd/pages.c']

/** The same on every host: a slow one tries fewer sequences. */
const SEARCH_MS = 20_000
const SHRINK_MS = 20_000
const TIMEOUT_MS = 60_000

const ioas = defineCase({
  name: 'ioas',
  title: 'random sequences of calls on IOASes answer as the model does',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: IOAS_IOCTLS, sources: SOURCES },
  timeoutMs: TIMEOUT_MS,
  run: async (lab) => {
    const facts = modelFacts(lab)
    await searched(lab, 'model/ioas', false, () => {
      const iommu = IommuFd.open()
      return { model: new IommufdModel(facts), kernel: realKernel({ iommu, address: facts.address }), close: () => { iommu.close() } }
    })
  },
})

const devices = defineCase({
  name: 'devices',
  title: 'random sequences of calls on IOASes, page tables and a device answer as the model does',
  needs: { access: 'cdev', iommu: 'present' },
  covers: { ioctls: [...IOAS_IOCTLS, ...DEVICE_IOCTLS], sources: [...SOURCES, ...DEVICE_SOURCES] },
  timeoutMs: TIMEOUT_MS,
  run: async (lab) => {
    const facts = modelFacts(lab)
    // Binding resets the device, which takes longer than a sequence: the context is used as long as nothing differs.
    let bound = bind(lab)
    await searched(lab, 'model/devices', true, () => {
      const { iommu, cdev, device } = bound
      return {
        model: new IommufdModel({ ...facts, device }),
        kernel: realKernel({ iommu, address: facts.address, device: { cdev, id: device.id } }),
        close: (differed) => {
          if (!differed) return
          cdev.close()
          iommu.close()
          bound = bind(lab)
        },
      }
    })
  },
})

const bind = (lab: CaseContext) => {
  const { iommu, cdev, deviceId } = bindCdev(lab)
  return { iommu, cdev, device: deviceFacts(iommu, cdev, deviceId) }
}

const modelFacts = (lab: CaseContext): ModelFacts => {
  const memory = lab.use(Memory.pages(Number(2n * MEMORY_BYTES)))
  return { address: alignedAddress(memory.address), largestAlignment: BigInt(lab.config('TRANSPARENT_HUGEPAGE') ? HUGE_PAGE_SIZE : PAGE_SIZE) }
}

const searched = async (lab: CaseContext, caseId: string, withDevice: boolean, open: () => Pair): Promise<void> => {
  const seed = lab.facts.seed ?? Math.floor(Math.random() * (MAX_SEED + 1))
  const { sequences, calls, found } = await search({ seed, searchMs: SEARCH_MS, shrinkMs: SHRINK_MS, withDevice, signal: lab.signal, open })
  lab.note(`seed ${seed}: ${sequences} sequences, ${calls} calls`)
  if (found !== undefined) throw new Failed(failureText(found, { caseId, withDevice }))
}

export const model = suite('model', [ioas, devices], { onRequest: true })
