import { Ioas } from '../iommufd/ioas.ts'
import type { IommuFd } from '../iommufd/iommu-fd.ts'
import { Errno } from '../sys/errno.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from '../vfio/container.ts'
import type { VfioCdev } from '../vfio/vfio-cdev.ts'
import type { Call } from './calls.ts'
import type { Answer, Value } from './expectation.ts'
import { rangesText } from './ranges.ts'

/** Who answers calls. */
export interface Kernel {
  readonly call: (call: Call) => Answer
}

export interface KernelContext {
  readonly iommu: IommuFd
  /** Where the memory lies that is mapped. */
  readonly address: bigint
  readonly device?: { readonly cdev: VfioCdev; readonly id: number }
}

/** The kernel that this process runs on. */
export const realKernel = (context: KernelContext): Kernel => ({
  call: (call) => {
    try {
      return { value: carryOut(call, context) }
    } catch (error) {
      if (error instanceof Errno) return { errno: error.code }
      throw error
    }
  },
})

const carryOut = (call: Call, { iommu, address, device }: KernelContext): Value => {
  const ioas = (id: number) => new Ioas(iommu, id)
  switch (call.op) {
    case 'ioas-alloc': return BigInt(iommu.ioasAlloc().id)
    case 'destroy': return nothing(() => { iommu.destroy(call.id) })
    case 'map': return ioas(call.ioas).map({ address: address + call.offset, length: call.length }, placed(call))
    case 'unmap': return ioas(call.ioas).unmap(call.iova, call.length)
    case 'copy': return ioas(call.ioas).copyFrom(ioas(call.source), { from: call.from, length: call.length, ...placed(call) })
    case 'allow': return nothing(() => { ioas(call.ioas).allow(call.ranges) })
    case 'ranges': return textOf(ioas(call.ioas).ranges())
    case 'large-pages': return nothing(() => { iommu.setOption(IOMMUFD.IOMMU_OPTION_HUGE_PAGES, call.wanted ? 1n : 0n, call.ioas) })
    case 'set-vfio-ioas': return nothing(() => { iommu.setVfioIoas(call.ioas) })
    case 'set-iommu': return nothing(() => { new Container(iommu.fd).setIommu(VFIO[call.type]) })
    case 'map-dma': return nothing(() => { new Container(iommu.fd).mapDma({ address: address + call.offset, length: call.length }, call.iova) })
    case 'unmap-dma': return new Container(iommu.fd).unmapDma(call.iova, call.length)
    case 'hwpt-alloc': return BigInt(iommu.hwptAlloc({ deviceId: bound(device).id, ptId: call.pt }))
    case 'attach': return BigInt(bound(device).cdev.attach(call.pt))
    case 'detach': return nothing(() => { bound(device).cdev.detach() })
  }
}

const placed = ({ iova, access }: { readonly iova: bigint | undefined; readonly access: number }) => ({ access, ...(iova === undefined ? {} : { iova }) })

const nothing = (run: () => void): Value => {
  run()
  return 0n
}

const bound = (device: KernelContext['device']): NonNullable<KernelContext['device']> => {
  if (device === undefined) throw new Error('a call on a device, and none is bound')
  return device
}

const textOf = ({ ranges, alignment }: ReturnType<Ioas['ranges']>): string => rangesText(ranges, alignment)
