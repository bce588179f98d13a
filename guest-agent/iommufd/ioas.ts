import type { Fd } from '../sys/fd.ts'
import { addressOf, type Mapping } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import type { IommuFd } from './iommu-fd.ts'

const { IOMMU_IOAS_MAP_FIXED_IOVA, IOMMU_IOAS_MAP_READABLE, IOMMU_IOAS_MAP_WRITEABLE } = IOMMUFD

/** A range of I/O virtual addresses, both ends included. */
export interface IovaRange {
  readonly start: bigint
  readonly last: bigint
}

export interface MapOptions {
  /** Given: exactly there (FIXED_IOVA). Missing: the kernel chooses. */
  readonly iova?: bigint
  /** IOMMU_IOAS_MAP_* without FIXED_IOVA; readable and writeable when missing. */
  readonly access?: number
}

/** Bytes of a file, from its beginning unless told otherwise. */
export type FilePart = MapOptions & { readonly start?: bigint; readonly length: bigint }

/** What is mapped there in another IOAS. */
type CopiedPart = MapOptions & { readonly from: bigint; readonly length: bigint }

/** All of a mapping, or bytes at an address. */
export type MapSource = Mapping | { readonly address: bigint; readonly length: number | bigint }

/** An I/O address space of an iommufd context. It is destroyed with the context unless destroy() comes first. */
export class Ioas {
  readonly iommu: IommuFd
  readonly id: number

  constructor(iommu: IommuFd, id: number) {
    this.iommu = iommu
    this.id = id
  }

  /** Maps memory; returns the IOVA. */
  map(source: MapSource, options: MapOptions = {}): bigint {
    const request = mapRequest(this.id, source, options)
    this.iommu.ioctl('IOMMU_IOAS_MAP', request)
    return request.get('iova')
  }

  /** Maps a part of a memfd or a dma-buf; returns the IOVA. */
  mapFile(fd: Fd, part: FilePart): bigint {
    const request = mapFileRequest(this.id, fd.number, part)
    this.iommu.ioctl('IOMMU_IOAS_MAP_FILE', request)
    return request.get('iova')
  }

  /** Unmaps all mappings that lie inside; returns how many bytes that were. */
  unmap(iova: bigint, length: number | bigint): bigint {
    const request = unmapRequest(this.id, iova, length)
    this.iommu.ioctl('IOMMU_IOAS_UNMAP', request)
    return request.get('length')
  }

  unmapAll(): bigint {
    return this.unmap(0n, 0xffff_ffff_ffff_ffffn)
  }

  /** Maps here what another IOAS (or this one) has mapped there; returns the IOVA. */
  copyFrom(source: Ioas, part: CopiedPart): bigint {
    const request = copyRequest(this.id, source.id, part)
    this.iommu.ioctl('IOMMU_IOAS_COPY', request)
    return request.get('dst_iova')
  }

  /** Only these ranges may be used by the kernel's own choice, and devices that cannot reach them are refused. */
  allow(ranges: readonly IovaRange[]): void {
    const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, ranges.length) * iommufdStructs.iovaRange.size))
    ranges.forEach(({ start, last }, index) => {
      iommufdStructs.iovaRange.at(bytes, index * iommufdStructs.iovaRange.size).set('start', start).set('last', last)
    })
    this.iommu.ioctl('IOMMU_IOAS_ALLOW_IOVAS', iommufdStructs.ioasAllowIovas.make({
      ioas_id: this.id, num_iovas: ranges.length, allowed_iovas: ranges.length === 0 ? 0n : addressOf(bytes),
    }))
  }

  /** What may be mapped now. `room` is for how many ranges there is memory: too few is EMSGSIZE. */
  ranges(room = 32): { readonly ranges: readonly IovaRange[]; readonly alignment: bigint } {
    const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, room) * iommufdStructs.iovaRange.size))
    const request = iommufdStructs.ioasIovaRanges.make({ ioas_id: this.id, num_iovas: room, allowed_iovas: addressOf(bytes) })
    this.iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', request)
    const ranges = Array.from({ length: request.get('num_iovas') }, (_, index) => {
      const range = iommufdStructs.iovaRange.at(bytes, index * iommufdStructs.iovaRange.size)
      return { start: range.get('start'), last: range.get('last') }
    })
    return { ranges, alignment: request.get('out_iova_alignment') }
  }

  /** The physical address behind an IOVA of a noiommu device, and how many bytes are contiguous there, at most `length`. */
  noiommuGetPa(iova: bigint, length: bigint): { readonly physical: bigint; readonly length: bigint } {
    const request = iommufdStructs.ioasNoiommuGetPa.make({ ioas_id: this.id, iova, length })
    this.iommu.ioctl('IOMMU_IOAS_NOIOMMU_GET_PA', request)
    return { physical: request.get('out_phys'), length: request.get('length') }
  }

  destroy(): void {
    this.iommu.destroy(this.id)
  }
}

/** What asks for a mapping, for whoever makes the call. */
export const mapRequest = (ioasId: number, { address, length }: MapSource, options: MapOptions = {}) =>
  iommufdStructs.ioasMap.make({ ioas_id: ioasId, flags: flagsOf(options), user_va: address, length: BigInt(length), iova: options.iova ?? 0n })

export const mapFileRequest = (ioasId: number, fd: number, { start = 0n, length, ...options }: FilePart) =>
  iommufdStructs.ioasMapFile.make({ ioas_id: ioasId, flags: flagsOf(options), fd, start, length, iova: options.iova ?? 0n })

export const unmapRequest = (ioasId: number, iova: bigint, length: number | bigint) =>
  iommufdStructs.ioasUnmap.make({ ioas_id: ioasId, iova, length: BigInt(length) })

export const copyRequest = (ioasId: number, sourceId: number, { from, length, ...options }: CopiedPart) =>
  iommufdStructs.ioasCopy.make({ flags: flagsOf(options), dst_ioas_id: ioasId, src_ioas_id: sourceId, length, dst_iova: options.iova ?? 0n, src_iova: from })

const flagsOf = ({ iova, access = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE }: MapOptions): number =>
  access | (iova === undefined ? 0 : IOMMU_IOAS_MAP_FIXED_IOVA)
