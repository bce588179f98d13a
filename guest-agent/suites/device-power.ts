import { defineCase, suite } from '../case/define-case.ts'
import { Failed, equal, equalBytes, expectErrno } from '../case/expect.ts'
import { kindsWith } from '../case/kinds.ts'
import { PCI_CAP_ID_PM, capabilityAt } from '../pci/header.ts'
import { VFIO } from '../uapi/vfio.ts'
import { mappableBar } from '../vfio/mappable-bar.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX
/** Control and status of PCI power management, linux/pci_regs.h. */
const PCI_PM_CTRL = 4
const STATE_MASK = 3
const D0 = 0
const D3HOT = 3

export const devicePower = suite('device-power', kindsWith(['power']).map((kind) => defineCase({
  name: `d3hot-${kind}`,
  title: `${kind} sleeps in D3hot when its user says so: its BARs are EIO, config space answers, and in D0 all is as it was`,
  needs: { access: 'any', deviceKind: kind, device: ['power'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: ['drivers/vfio/pci/vfio_pci_config.c', 'drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_rdwr.c'] },
  run: (lab) => {
    const pci = lab.device(kind)
    const { device } = openAnyDevice(lab, pci)
    const at = capabilityAt((offset) => device.read(CONFIG, offset, 1), PCI_CAP_ID_PM)
    if (at === undefined) throw new Failed(`${pci.toString()} has no power management capability`)
    const bar = mappableBar(device)
    const stateIn = (config: number): number => config & STATE_MASK
    const goTo = (state: number) => {
      device.write(CONFIG, at + PCI_PM_CTRL, 2, (device.read(CONFIG, at + PCI_PM_CTRL, 2) & ~STATE_MASK) | state)
      equal(stateIn(device.read(CONFIG, at + PCI_PM_CTRL, 2)), state, 'power state')
      equal(stateIn(pci.config(at + PCI_PM_CTRL, 2).getUint16(0, true)), state, 'power state of the device itself')
    }
    const before = device.readBytes(CONFIG, 0, 256)
    const first = device.read(bar, 0, 4)
    goTo(D3HOT)
    expectErrno('EIO', () => device.read(bar, 0, 4))
    expectErrno('EIO', () => { device.write(bar, 0, 4, 0) })
    equalBytes(device.readBytes(CONFIG, 0, 4), before.slice(0, 4), 'vendor and device while it sleeps')
    goTo(D0)
    equalBytes(device.readBytes(CONFIG, 0, 256), before, 'config space after it woke')
    equal(device.read(bar, 0, 4), first, 'first register after it woke')
  },
})))
