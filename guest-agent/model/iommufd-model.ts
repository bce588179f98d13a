import { IOMMUFD } from '../uapi/iommufd.ts'
import { BoundDevice, type DeviceFacts } from './bound-device.ts'
import type { Call } from './calls.ts'
import { DONE, refused, type Expectation } from './expectation.ts'
import { IoPagetable } from './io-pagetable.ts'
import { Objects } from './objects.ts'
import { LAST_IOVA } from './ranges.ts'

export interface ModelFacts {
  /** Where the case's memory lies in the process. */
  readonly address: bigint
  /** Of what the kernel places by itself: a huge page, or a page where it has no huge ones. */
  readonly largestAlignment: bigint
  readonly device?: DeviceFacts
}

type Of<Op extends Call['op']> = Extract<Call, { readonly op: Op }>

/** What an iommufd context must answer to one call after the other, with one bound device or none. */
export class IommufdModel {
  readonly objects = new Objects()
  readonly device: BoundDevice | undefined
  readonly #facts: ModelFacts
  #compat: number | undefined

  constructor(facts: ModelFacts) {
    this.#facts = facts
    this.device = facts.device === undefined ? undefined : new BoundDevice(this.objects, facts.device)
  }

  /** The IOAS that the type1 calls work on. */
  get compat(): number | undefined {
    return this.#compat
  }

  /** Makes the call; a choice of the kernel's is made when the expectation is settled, before the next call. */
  step(call: Call): Expectation {
    switch (call.op) {
      case 'ioas-alloc': return this.objects.allocate(() => ({ kind: 'ioas', table: new IoPagetable(this.#facts.largestAlignment) }))
      case 'destroy': return this.#destroy(call)
      case 'map': return this.#map(call)
      case 'unmap': return this.#unmap(call)
      case 'copy': return this.#copy(call)
      case 'allow': return this.objects.table(call.ioas)?.allow(call.ranges) ?? refused('ENOENT')
      case 'ranges': return this.#ranges(call)
      case 'large-pages': return this.objects.table(call.ioas)?.setLargePages(call.wanted) ?? refused('ENOENT')
      case 'set-vfio-ioas': return this.#setVfioIoas(call)
      case 'set-iommu': return this.#setIommu(call)
      case 'map-dma': return this.#mapDma(call)
      case 'unmap-dma': return this.#unmapDma(call)
      case 'hwpt-alloc': return this.device?.hwptAlloc(call.pt) ?? refused('ENOENT')
      case 'attach': return this.device?.attach(call.pt) ?? refused('ENOENT')
      case 'detach': return this.device?.detach() ?? DONE
    }
  }

  #destroy({ id }: Of<'destroy'>): Expectation {
    const wrong = this.objects.notRemovable(id, this.device?.attached)
    if (wrong !== undefined) return wrong
    this.objects.remove(id)
    if (id === this.#compat) this.#compat = undefined
    return DONE
  }

  #map({ ioas, offset, length, iova, access }: Of<'map'>): Expectation {
    if (length === LAST_IOVA || iova === LAST_IOVA) return refused('EOVERFLOW')
    if (access === 0) return refused('EINVAL')
    const table = this.objects.table(ioas)
    if (table === undefined) return refused('ENOENT')
    const write = isWrite(access)
    return table.map([{ address: this.#facts.address + offset, length, writable: write }], { iova, write })
  }

  #unmap({ ioas, iova, length }: Of<'unmap'>): Expectation {
    const table = this.objects.table(ioas)
    if (table === undefined) return refused('ENOENT')
    if (iova === 0n && length === LAST_IOVA) return table.unmapAll()
    if (iova === LAST_IOVA || length === LAST_IOVA) return refused('EOVERFLOW')
    const expected = table.unmap(iova, length)
    // Nothing there at all.
    return 'returns' in expected && expected.returns === 0n ? refused('ENOENT') : expected
  }

  #copy({ ioas, source, from, length, iova, access }: Of<'copy'>): Expectation {
    if (length === LAST_IOVA || from === LAST_IOVA || iova === LAST_IOVA) return refused('EOVERFLOW')
    if (access === 0) return refused('EINVAL')
    const pieces = this.objects.table(source)?.pieces(from, length) ?? 'ENOENT'
    if (typeof pieces === 'string') return refused(pieces)
    return this.objects.table(ioas)?.map(pieces, { iova, write: isWrite(access) }) ?? refused('ENOENT')
  }

  #ranges({ ioas }: Of<'ranges'>): Expectation {
    const table = this.objects.table(ioas)
    return table === undefined ? refused('ENOENT') : { returns: table.ranges() }
  }

  #setVfioIoas({ ioas }: Of<'set-vfio-ioas'>): Expectation {
    if (this.objects.table(ioas) === undefined) return refused('ENOENT')
    this.#compat = ioas
    return DONE
  }

  #setIommu({ type }: Of<'set-iommu'>): Expectation {
    const table = this.#compatTable
    if (table === undefined) return refused('ENODEV')
    return type === 'VFIO_TYPE1_IOMMU' ? table.setLargePages(false) : DONE
  }

  #mapDma({ iova, offset, length }: Of<'map-dma'>): Expectation {
    const table = this.#compatTable
    if (table === undefined) return refused('ENODEV')
    const expected = table.map([{ address: this.#facts.address + offset, length, writable: true }], { iova, write: true })
    return 'refused' in expected ? expected : DONE
  }

  #unmapDma({ iova, length }: Of<'unmap-dma'>): Expectation {
    const table = this.#compatTable
    if (table === undefined) return refused('ENODEV')
    const wrong = table.splits ? this.#cut(table, iova, length) : undefined
    return wrong === undefined ? table.unmap(iova, length) : refused(wrong)
  }

  /** At the end first; what is cut there stays so when the start cannot be cut. */
  #cut(table: IoPagetable, iova: bigint, length: bigint): string | undefined {
    const atEnd = table.cut(BigInt.asUintN(64, iova + length - 1n))
    return atEnd ?? (iova === 0n ? undefined : table.cut(iova - 1n))
  }

  get #compatTable(): IoPagetable | undefined {
    return this.#compat === undefined ? undefined : this.objects.table(this.#compat)
  }
}

const isWrite = (access: number): boolean => (access & IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE) !== 0
