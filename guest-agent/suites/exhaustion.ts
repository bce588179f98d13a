import { setImmediate } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { expectErrno, Failed, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import type { IommuFd } from '../iommufd/iommu-fd.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { EventFd } from '../sys/eventfd.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { attachGroup, openGroup } from '../vfio/attached-group.ts'
import { bindCdev, type BoundCdev } from '../vfio/bound-cdev.ts'
import { Container } from '../vfio/container.ts'
import { connectIrqs, disableIrqs } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_TYPE1v2_IOMMU } = VFIO
/** An IOMMU numbers its page tables with 16 bits, and keeps some of the numbers for itself. */
const ALMOST_ALL = 65_000
const ALL = 65_536
/** The kernel looks through all page tables of an IOAS for each one that it makes. */
const TABLES_EACH = 64
const TIMEOUT_MS = 120_000
/** Vectors that every guest has. */
const FEW = 8

const DOMAINS = { config: ['IOMMUFD', 'VFIO_CONTAINER', 'VFIO_GROUP', 'VFIO_DEVICE_CDEV'], devices: 3 } as const
const COVERS = { ioctls: ['VFIO_SET_IOMMU', 'VFIO_GROUP_SET_CONTAINER', 'IOMMU_HWPT_ALLOC'], sources: ['drivers/vfio/vfio_iommu_type1.c'] } as const

/** Makes page tables until one is refused; says how many there were and with what it was refused. */
const tablesUntilRefused = async (iommu: IommuFd, make: (ioas: Ioas, number: number) => void): Promise<readonly [number, string]> => {
  let ioas = iommu.ioasAlloc()
  for (let number = 0; number < ALL; number += 1) {
    if (number % TABLES_EACH === 0) {
      ioas = iommu.ioasAlloc()
      await setImmediate()
    }
    const told = outcomeOf(() => { make(ioas, number) })
    if (told !== 'ok') return [number, told]
  }
  return [ALL, 'ok']
}

interface Numbers {
  /** Makes a page table that takes one. */
  readonly makeOne: (bound: BoundCdev, ioas: Ioas, number: number) => void
  /** Where a group that goes into a container gives back the number of its own page table: it is put there while there are others. */
  readonly inContainerBefore: boolean
}

/** With every number taken no container gets an IOMMU, nor one with an IOMMU another group; when they are free again it does. */
const containersWithout = async (lab: CaseContext, code: string, pci: PciDevice, { makeOne, inContainerBefore }: Numbers): Promise<void> => {
  const [second, third] = lab.devices().filter(({ groupNumber }) => groupNumber !== pci.groupNumber)
  if (second === undefined || third === undefined) throw new Failed('two more groups are needed')
  const { container: complete } = attachGroup(lab, { pci: second, iommuType: VFIO_TYPE1v2_IOMMU })
  const group = openGroup(lab, third)
  const container = lab.use(Container.open())
  if (inContainerBefore) group.setContainer(container)
  const bound = bindCdev(lab, pci)
  const [taken, told] = await tablesUntilRefused(bound.iommu, (ioas, number) => { makeOne(bound, ioas, number) })
  lab.measure('pageTables', taken)
  ok(told === code, `after ${taken} page tables the next one must be ${code}, not ${told}`)
  ok(taken >= ALMOST_ALL, `there are only ${taken} page tables`)
  if (!inContainerBefore) {
    expectErrno(code, () => { group.setContainer(complete) })
    group.setContainer(container)
  }
  expectErrno(code, () => { container.setIommu(VFIO_TYPE1v2_IOMMU) })
  bound.cdev.close()
  bound.iommu.close()
  container.setIommu(VFIO_TYPE1v2_IOMMU)
}

export const exhaustion = suite('exhaustion', [
  defineCase({
    name: 'amd-domain-ids',
    title: "with every domain id of AMD's IOMMU taken a container gets no IOMMU and no further group: ENOMEM; with the ids back it does",
    needs: { ...DOMAINS, iommu: ['amd'], access: 'cdev' },
    covers: { ...COVERS, sources: [...COVERS.sources, 'drivers/iommu/amd/iommu.c'] },
    timeoutMs: TIMEOUT_MS,
    run: async (lab) => {
      await containersWithout(lab, 'ENOMEM', lab.device(), {
        makeOne: ({ iommu, deviceId }, ioas) => { iommu.hwptAlloc({ deviceId, ptId: ioas.id }) },
        inContainerBefore: false,
      })
    },
  }),
  defineCase({
    name: 'intel-domain-ids',
    title: "with every domain id of Intel's IOMMU taken a container gets no IOMMU: ENOSPC; with the ids back it does",
    // There a page table has an id as long as it is attached, and a device has one page table for each PASID.
    needs: { ...DOMAINS, iommu: ['intel', 'pasid'], access: 'cdev', device: ['pasid'], uapi: ['IOMMU_HWPT_ALLOC_PASID', 'VFIO_DEVICE_ATTACH_PASID'] },
    covers: {
      ioctls: [...COVERS.ioctls, 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'],
      sources: [...COVERS.sources, 'drivers/iommu/intel/iommu.c', 'drivers/iommu/intel/pasid.c', 'drivers/vfio/iommufd.c'],
    },
    timeoutMs: TIMEOUT_MS,
    run: async (lab) => {
      await containersWithout(lab, 'ENOSPC', lab.device(['pasid']), {
        makeOne: ({ iommu, cdev, deviceId }, ioas, number) => {
          const ptId = iommu.hwptAlloc({ deviceId, ptId: ioas.id, flags: IOMMUFD.IOMMU_HWPT_ALLOC_PASID })
          cdev.attach(ptId, { pasid: number + 1 })
        },
        inContainerBefore: true,
      })
    },
  }),
  defineCase({
    name: 'vectors',
    title: 'more interrupts than the processors of the guest can tell apart are ENOSPC and none of them is had; fewer are',
    needs: { access: 'any', device: ['many-vectors'] },
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: ['drivers/vfio/pci/vfio_pci_intrs.c'] },
    provokes: ['Interrupt reservation exceeds available interrupts'],
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device(['many-vectors']))
      const event = lab.use(new EventFd())
      const connect = (count: number) => { connectIrqs(device, MSIX, Array.from({ length: count }, () => event)) }
      const { count } = device.irqInfo(MSIX)
      expectErrno('ENOSPC', () => { connect(count) })
      connect(FEW)
      disableIrqs(device, MSIX)
    },
  }),
], { onRequest: true })
