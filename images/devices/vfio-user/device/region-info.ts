import { VFIO, vfioStructs } from '../../../../guest-agent/uapi/vfio.ts'
import { payloads } from '../wire/payloads.ts'
import type { Region } from './running-device.ts'

const { VFIO_REGION_INFO_FLAG_READ: READ, VFIO_REGION_INFO_FLAG_WRITE: WRITE, VFIO_REGION_INFO_FLAG_MMAP: MMAP, VFIO_REGION_INFO_FLAG_CAPS: CAPS } = VFIO

interface RegionAnswer {
  readonly payload: Uint8Array
  /** The file that can be mapped goes with the whole answer only. */
  readonly fds: readonly number[]
}

/**
 * struct vfio_region_info, and its list of areas when not all of the region can be mapped. A client that has too little room learns
 * from argsz how much it takes.
 */
export const regionInfo = (index: number, { size, fd, mmap }: Region, argsz: number): RegionAnswer => {
  const sparse = mmap === undefined || mmap === 'all' ? new Uint8Array() : sparseMmap(mmap)
  const whole = payloads.regionInfo.size + sparse.byteLength
  const mapped = mmap === undefined ? 0 : MMAP | (sparse.byteLength === 0 ? 0 : CAPS)
  const info = payloads.regionInfo.make({
    argsz: whole,
    flags: size === 0 ? 0 : READ | WRITE | mapped,
    index,
    cap_offset: sparse.byteLength === 0 ? 0 : payloads.regionInfo.size,
    size: BigInt(size),
  })
  if (argsz < whole) return { payload: info.bytes, fds: [] }
  return { payload: Buffer.concat([info.bytes, sparse]), fds: mmap === undefined || fd === undefined ? [] : [fd] }
}

/** struct vfio_region_info_cap_sparse_mmap. */
const sparseMmap = (areas: Exclude<Region['mmap'], 'all' | undefined>): Uint8Array =>
  Buffer.concat([
    vfioStructs.infoCapHeader.make({ id: VFIO.VFIO_REGION_INFO_CAP_SPARSE_MMAP, version: 1 }).bytes,
    new Uint8Array(new Uint32Array([areas.length, 0]).buffer),
    ...areas.map(({ offset, size }) => vfioStructs.regionSparseMmapArea.make({ offset: BigInt(offset), size: BigInt(size) }).bytes),
  ])
