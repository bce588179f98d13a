import type { IovaRange } from '../iommufd/ioas.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import type { Call } from './calls.ts'
import type { Names } from './names.ts'
import { hex, LAST_IOVA } from './ranges.ts'

const { IOMMU_IOAS_MAP_READABLE, IOMMU_IOAS_MAP_WRITEABLE } = IOMMUFD

/** A call as an expression of TypeScript, with the agent's own classes. */
export const expressionOf = (call: Call, names: Names): string => {
  switch (call.op) {
    case 'ioas-alloc': return 'iommu.ioasAlloc()'
    case 'destroy': return `iommu.destroy(${names.id(call.id)})`
    case 'map': return `${names.ioas(call.ioas)}.map(${memory(call)}${options(placed(call, names), ', ')})`
    case 'unmap': return call.iova === 0n && call.length === LAST_IOVA
      ? `${names.ioas(call.ioas)}.unmapAll()`
      : `${names.ioas(call.ioas)}.unmap(${names.iova(call.iova)}, ${hex(call.length)})`
    case 'copy': {
      const what = [`from: ${names.iova(call.from)}`, `length: ${hex(call.length)}`, ...placed(call, names)]
      return `${names.ioas(call.ioas)}.copyFrom(${names.ioas(call.source)}, ${options(what)})`
    }
    case 'allow': return `${names.ioas(call.ioas)}.allow([${call.ranges.map((range) => rangeText(range, names)).join(', ')}])`
    case 'ranges': return `${names.ioas(call.ioas)}.ranges()`
    case 'large-pages': return `iommu.setOption(IOMMUFD.IOMMU_OPTION_HUGE_PAGES, ${call.wanted ? '1n' : '0n'}, ${names.id(call.ioas)})`
    case 'set-vfio-ioas': return `iommu.setVfioIoas(${names.id(call.ioas)})`
    case 'set-iommu': return `compat.setIommu(VFIO.${call.type})`
    case 'map-dma': return `compat.mapDma(${memory(call)}, ${names.iova(call.iova)})`
    case 'unmap-dma': return `compat.unmapDma(${names.iova(call.iova)}, ${hex(call.length)})`
    case 'hwpt-alloc': return `iommu.hwptAlloc({ deviceId, ptId: ${names.id(call.pt)} })`
    case 'attach': return `cdev.attach(${names.id(call.pt)})`
    case 'detach': return 'cdev.detach()'
  }
}

/** Does the expression have a value? */
export const hasValue = ({ op }: Call): boolean => !['destroy', 'allow', 'large-pages', 'set-vfio-ioas', 'set-iommu', 'map-dma', 'detach'].includes(op)

const memory = ({ offset, length }: { readonly offset: bigint; readonly length: bigint }): string =>
  `{ address${offset === 0n ? '' : `: address + ${hex(offset)}`}, length: ${hex(length)} }`

const placed = ({ iova, access }: { readonly iova: bigint | undefined; readonly access: number }, names: Names): readonly string[] => [
  ...(iova === undefined ? [] : [`iova: ${names.iova(iova)}`]),
  ...(access === (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE) ? [] : [`access: ${accessText(access)}`]),
]

const accessText = (access: number): string => (access === IOMMU_IOAS_MAP_READABLE ? 'IOMMUFD.IOMMU_IOAS_MAP_READABLE' : access.toString())

const options = (entries: readonly string[], before = ''): string => (entries.length === 0 ? '' : `${before}{ ${entries.join(', ')} }`)

const rangeText = ({ start, last }: IovaRange, names: Names): string => `{ start: ${names.iova(start)}, last: ${names.iova(last)} }`
