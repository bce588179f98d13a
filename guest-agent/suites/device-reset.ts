import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno } from '../case/expect.ts'
import { capabilitiesOf, has, kindsWith, kindsWithout } from '../case/kinds.ts'
import { drive, offered } from '../devices/drive.ts'
import { Edu } from '../devices/edu.ts'
import { PCI_BASE_ADDRESS_0, PCI_COMMAND, PCI_COMMAND_MASTER, PCI_COMMAND_MEMORY, PCI_INTERRUPT_LINE } from '../pci/header.ts'
import type { DeviceKind } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs } from '../vfio/interrupts.ts'
import { firstWords } from '../vfio/first-words.ts'
import { mappableBar } from '../vfio/mappable-bar.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { D0, D3HOT, setPowerState } from '../vfio/power-state.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const { VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG, VFIO_PCI_BAR0_REGION_INDEX: BAR, VFIO_PCI_MSI_IRQ_INDEX: MSI } = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const IDENTIFICATION = 0

const tellsReset = (device: VfioDevice): boolean => (device.info().flags & VFIO_DEVICE_FLAGS_RESET) !== 0

/** edu has cases of its own above; whoever has a register that a reset brings back shows it. */
const resets = (kind: DeviceKind) => defineCase({
  name: `reset-${kind}`,
  title: has(kind, 'power')
    ? `a reset of ${kind}, and then a sleep in D3hot in which its BARs are EIO, keep the config space that the user made; its BARs go on working`
    : `a reset of ${kind} keeps the config space that the user made; its BARs go on working`,
  needs: { access: 'any', deviceKind: kind, device: capabilitiesOf(kind, ['reset', 'reset-state', 'power', 'bar-mmap', 'io-bar']) },
  covers: { ioctls: ['VFIO_DEVICE_RESET', 'VFIO_DEVICE_GET_INFO'], sources: [CORE, 'drivers/vfio/pci/vfio_pci_config.c', 'drivers/vfio/pci/vfio_pci_rdwr.c'] },
  run: async (lab) => {
    const open = openAnyDevice(lab, lab.device(kind))
    const { device } = open
    equal(tellsReset(device), true, 'VFIO_DEVICE_GET_INFO tells that the device can be reset')
    const words = firstWords(open)
    const bar = has(kind, 'bar-mmap') ? mappableBar(device) : undefined
    const registers = bar === undefined ? undefined : lab.use(device.mmap(bar, { length: PAGE_SIZE }))
    const showsRegister = (when: string) => {
      if (bar !== undefined) equal(registers?.read32(0), device.read(bar, 0, 4), `first register through the mapping made before ${when}`)
    }
    const { disturb } = await drive(lab, open)
    const isDisturbed = has(kind, 'reset-state') ? offered(open, 'reset-state', disturb)() : undefined
    if (isDisturbed !== undefined) equal(isDisturbed(), true, 'the register is changed before the reset')
    device.write(CONFIG, PCI_INTERRUPT_LINE, 1, 0x5a)
    const before = device.readBytes(CONFIG, 0, 256)
    device.reset()
    equalBytes(device.readBytes(CONFIG, 0, 256), before, 'config space after the reset')
    if (isDisturbed !== undefined) equal(isDisturbed(), false, 'the register is still changed after the reset')
    equal(firstWords(open), words, 'first words of the BARs after the reset')
    showsRegister('the reset')
    if (!has(kind, 'power') || bar === undefined) return
    setPowerState(open, D3HOT)
    expectErrno('EIO', () => device.read(bar, 0, 4))
    expectErrno('EIO', () => { device.write(bar, 0, 4, 0) })
    equalBytes(device.readBytes(CONFIG, 0, 4), before.slice(0, 4), 'vendor and device while it sleeps')
    setPowerState(open, D0)
    equalBytes(device.readBytes(CONFIG, 0, 256), before, 'config space after it woke')
    equal(firstWords(open), words, 'first words of the BARs after it woke')
    showsRegister('it slept')
  },
})

/** Alone on the root bus: nothing that could be reset but the whole machine. */
const absent = (kind: DeviceKind) => defineCase({
  name: `absent-${kind}`,
  title: `${kind} cannot be reset: the flag is absent, and every way to reset it is refused`,
  needs: { access: 'any', deviceKind: kind },
  covers: { ioctls: ['VFIO_DEVICE_RESET', 'VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO'], sources: [CORE] },
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(kind))
    equal(tellsReset(device), false, 'VFIO_DEVICE_GET_INFO tells that the device can be reset')
    expectErrno('EINVAL', () => { device.reset() })
    expectErrno('ENODEV', () => device.hotResetInfo())
    expectErrno('ENODEV', () => { device.hotReset([]) })
  },
})

export const deviceReset = suite('device-reset', [
  defineCase({
    name: 'config-space',
    title: 'a reset keeps the config space that the user made, real and virtual; registers and mappings of the BAR go on working',
    needs: { access: 'any', deviceKind: 'edu', device: ['reset'] },
    covers: { ioctls: ['VFIO_DEVICE_RESET'], sources: [CORE, 'drivers/vfio/pci/vfio_pci_config.c'] },
    run: (lab) => {
      const pci = lab.device('edu')
      const { device } = openAnyDevice(lab, pci)
      const registers = lab.use(device.mmap(BAR, { length: PAGE_SIZE }))
      const identification = registers.read32(IDENTIFICATION)
      device.write(CONFIG, PCI_COMMAND, 2, device.read(CONFIG, PCI_COMMAND, 2) | PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY)
      device.write(CONFIG, PCI_INTERRUPT_LINE, 1, 0x5a)
      device.write(CONFIG, PCI_BASE_ADDRESS_0, 4, 0xabc0_0000)
      const before = device.readBytes(CONFIG, 0, 256)
      const real = new Uint8Array(pci.config(0, 256).buffer)
      device.reset()
      equalBytes(device.readBytes(CONFIG, 0, 256), before, 'config space after the reset')
      equalBytes(new Uint8Array(pci.config(0, 256).buffer), real, 'config space of the device itself after the reset')
      equal(device.read(BAR, IDENTIFICATION, 4), identification, 'identification register after the reset')
      equal(registers.read32(IDENTIFICATION), identification, 'the same through the mapping made before it')
      expectErrno('ENOTTY', () => device.ioctl('VFIO_DEVICE_GET_GFX_DMABUF'))
    },
  }),
  defineCase({
    name: 'interrupt',
    title: 'an MSI that was set up before a reset is delivered after it',
    needs: { access: 'any', deviceKind: 'edu', device: ['reset', 'msi'] },
    covers: { ioctls: ['VFIO_DEVICE_RESET', 'VFIO_DEVICE_SET_IRQS'], sources: [CORE, 'drivers/vfio/pci/vfio_pci_intrs.c'] },
    run: async (lab) => {
      const open = openAnyDevice(lab, lab.device('edu'))
      const edu = new Edu(lab, open)
      const event = lab.use(new EventFd())
      connectIrqs(open.device, MSI, [event])
      lab.defer(() => { edu.acknowledgeInterrupt() })
      open.device.reset()
      edu.raiseInterrupt()
      equal(await event.wait(2000, lab.signal), 1, 'events after the reset')
    },
  }),
  ...kindsWith(['reset'], ['edu']).map(resets),
  ...kindsWithout(['reset']).map(absent),
])
