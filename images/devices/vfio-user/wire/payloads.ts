import { Layout, type Fields, type Struct } from '../../../../guest-agent/uapi/struct.ts'
import { vfioStructs } from '../../../../guest-agent/uapi/vfio.ts'
import { refusal } from './errors.ts'

/** What follows the header, as far as it is not a struct of linux/vfio.h. */
export const payloads = {
  version: new Layout('vfio_user_version', { major: 'u16', minor: 'u16' }),
  dmaMap: new Layout('vfio_user_dma_map', { argsz: 'u32', flags: 'u32', offset: 'u64', address: 'u64', length: 'u64' }),
  dmaUnmap: new Layout('vfio_user_dma_unmap', { argsz: 'u32', flags: 'u32', address: 'u64', length: 'u64' }),
  deviceInfo: new Layout('vfio_user_device_info', { argsz: 'u32', flags: 'u32', num_regions: 'u32', num_irqs: 'u32' }),
  regionInfo: vfioStructs.regionInfo,
  irqInfo: vfioStructs.irqInfo,
  irqSet: vfioStructs.irqSet,
  regionAccess: new Layout('vfio_user_region_access', { offset: 'u64', region: 'u32', count: 'u32' }),
  dmaAccess: new Layout('vfio_user_dma_access', { address: 'u64', count: 'u64' }),
  writeMulti: new Layout('vfio_user_region_write_multi', { count: 'u64' }),
  oneWrite: new Layout('vfio_user_region_write_multi_entry', { offset: 'u64', region: 'u32', count: 'u32', data: 'u64' }),
} as const

/** A payload that is this struct and nothing else; EINVAL when it has another length. */
export const exactly = <F extends Fields>(layout: Layout<F>, payload: Uint8Array): Struct<F> => {
  const struct = atLeast(layout, payload)
  if (payload.byteLength !== layout.size) throw refusal('EINVAL', `${layout.name}: ${payload.byteLength} bytes instead of ${layout.size}`)
  return struct
}

/** A payload that begins with this struct; what follows is its `tail`. */
export const atLeast = <F extends Fields>(layout: Layout<F>, payload: Uint8Array): Struct<F> => {
  if (payload.byteLength < layout.size) throw refusal('EINVAL', `${layout.name}: ${payload.byteLength} bytes instead of ${layout.size}`)
  return layout.at(payload)
}
