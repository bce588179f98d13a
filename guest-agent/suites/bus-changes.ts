import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, Failed, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { pciAddress } from '../pci/pci-address.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { OtherProcess } from '../sys/other-process.ts'
import { writeText } from '../sys/text-file.ts'
import { vfioStructs as s } from '../uapi/vfio.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const ROOM = 8
/** What was asked is in the kernel by then, and a hot reset is not over: it takes at least 100. */
const AMID_MS = 20

/** The first function of a slot, and another one of the same slot. */
const functionsOf = (lab: CaseContext): readonly [PciDevice, PciDevice] => {
  const place = ({ bdf }: PciDevice) => bdf.replace(/\.\d$/, '')
  for (const first of lab.devices().filter(({ bdf }) => pciAddress(bdf).function === 0)) {
    const other = lab.devices().find((device) => device !== first && place(device) === place(first))
    if (other !== undefined) return [first, other]
  }
  throw new Failed('no device on this machine has several functions')
}

/** Lets the kernel forget the device until the case is over. */
const forget = (lab: CaseContext, device: PciDevice, sibling: PciDevice): { readonly find: () => void; readonly forgetAgain: () => void } => {
  const find = () => { writeText(`${sibling.dir}/rescan`, '1') }
  const forgetAgain = () => { writeText(`${device.dir}/remove`, '1') }
  lab.defer(() => {
    find()
    device.bind()
  })
  forgetAgain()
  return { find, forgetAgain }
}

export const busChanges = suite('bus-changes', [
  defineCase({
    name: 'found-while-counted',
    title: 'who asks which devices a hot reset takes, and of whom one more is found after they were counted, is to ask again: EAGAIN',
    needs: { access: 'cdev', iommu: 'present', topology: ['multifunction'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', 'VFIO_DEVICE_PCI_HOT_RESET'], sources: ['drivers/vfio/pci/vfio_pci_core.c'] },
    timeoutMs: 10_000,
    run: async (lab) => {
      const [first, second] = functionsOf(lab)
      const { find, forgetAgain } = forget(lab, second, first)
      const { device } = openThroughCdev(lab, first)
      const [resets, asks] = [new OtherProcess([device.fd]), new OtherProcess([device.fd])].map((other) => lab.use(other))
      if (resets === undefined || asks === undefined) throw new Failed('two processes')
      let told = ''
      while (told !== 'EAGAIN' && !lab.signal.aborted) {
        if (told !== '') forgetAgain()
        // It counts at once, and asks for the names when the reset is over.
        resets.sendIoctl(resets.fd(), 'VFIO_DEVICE_PCI_HOT_RESET', s.pciHotReset.make())
        await setTimeout(AMID_MS)
        const info = s.pciHotResetInfo.make({}, { tail: ROOM * s.pciDependentDevice.size })
        asks.sendIoctl(asks.fd(), 'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', info)
        await setTimeout(AMID_MS)
        find()
        told = outcomeOf(() => asks.receiveIoctl('VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', info))
        resets.receiveIoctl('VFIO_DEVICE_PCI_HOT_RESET')
      }
      ok(told === 'EAGAIN', 'a device that was found after the others were counted must be EAGAIN')
      equal(device.hotResetInfo(ROOM).devices.length, 2, 'devices that a hot reset takes in the end')
    },
  }),
])
