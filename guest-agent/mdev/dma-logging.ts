import { addressOf } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const {
  VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET, VFIO_DEVICE_FEATURE_DMA_LOGGING_START, VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP,
  VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
} = VFIO

export interface LoggedRange {
  readonly iova: bigint
  readonly length: bigint
}

/** Ranges as the kernel reads them behind a pointer. */
export const rangeBytes = (ranges: readonly LoggedRange[]): Uint8Array => {
  const { featureDmaLoggingRange: range } = vfioStructs
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, ranges.length) * range.size))
  ranges.forEach(({ iova, length }, index) => { range.at(bytes, index * range.size).set('iova', iova).set('length', length) })
  return bytes
}

/** Starts logging of what the device writes in these ranges; returns the page size that it chose. */
export const startLogging = (device: VfioDevice, ranges: readonly LoggedRange[], pageSize = 4096n): bigint => {
  const bytes = rangeBytes(ranges)
  return startLoggingAt(device, { ranges: addressOf(bytes), count: ranges.length, pageSize })
}

/** The same with the ranges at an address, which need not be one. */
export const startLoggingAt = (
  device: VfioDevice, { ranges, count, pageSize }: { readonly ranges: bigint; readonly count: number; readonly pageSize: bigint },
): bigint => {
  const { featureDmaLoggingControl: control } = vfioStructs
  const asked = control.make({ page_size: pageSize, num_ranges: count, ranges })
  return control.at(device.feature(SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START, asked.bytes)).get('page_size')
}

export const stopLogging = (device: VfioDevice): void => {
  device.feature(SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP)
}

/** Sets a bit for each page of the range that the device wrote since it was asked last, and clears its log. */
export const reportLogging = (
  device: VfioDevice, { iova, length, pageSize = 4096n, bitmap }: LoggedRange & { readonly pageSize?: bigint; readonly bitmap: bigint },
): void => {
  device.feature(GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, vfioStructs.featureDmaLoggingReport.make({ iova, length, page_size: pageSize, bitmap }).bytes)
}
