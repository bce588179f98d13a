import { writeTextAside } from '../sys/text-file.ts'
import type { PciDevice } from './pci-device.ts'

/** Who resets a device and when it is over. */
export interface Reset {
  readonly over: boolean
}

/** Time for a case. */
interface Time {
  readonly signal: AbortSignal
}

/** Has sysfs reset the device, again and again as long as there is time, until what is done during one reset says that it saw what it wants. */
export const whileReset = async ({ signal }: Time, pci: PciDevice, during: (reset: Reset) => Promise<boolean>): Promise<boolean> => {
  while (!signal.aborted) {
    const reset = { over: false }
    const resetting = writeTextAside(`${pci.dir}/reset`, '1').then(() => { reset.over = true })
    try {
      if (await during(reset)) return true
    } finally {
      await resetting
    }
  }
  return false
}
