import type { OpenDevice } from './open-device.ts'

/** The first word of each BAR, by BAR; of a vfio-user device 0, when it can be read: nobody knows which of its registers change by themselves. */
export const firstWords = ({ device, pci }: OpenDevice): readonly number[] =>
  [0, 1, 2, 3, 4, 5]
    .filter((bar) => device.regionInfo(bar).size > 0)
    .map((bar) => device.read(bar, 0, 4))
    .map((word) => (pci.kind === 'vfio-user' ? 0 : word))
