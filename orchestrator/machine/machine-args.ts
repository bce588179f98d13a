import { yours } from '../host/errors.ts'
import { iommuDevice, iommuWords } from './iommu-args.ts'
import { devicesOf, type MachineSpec } from './machine-spec.ts'
import type { QemuOffer } from './qemu-offer.ts'
import { type PluggedLater, type ServedDevice, slotArgs } from './slot-args.ts'

export interface MachineArgs {
  /** QEMU's argv for the machine and its devices under test, in the dialect of the QEMU that was asked. */
  readonly qemu: readonly string[]
  /** Words of the kernel's command line that the machine needs. */
  readonly commandLine: readonly string[]
  /** What is plugged in when a case asks for it. */
  readonly later: readonly PluggedLater[]
  /** Devices that programs of their own play. */
  readonly served: readonly ServedDevice[]
}

/** Guests are q35 everywhere; interrupt remapping needs the split irqchip as soon as KVM is used. */
export const BOARD = 'q35,kernel-irqchip=split'

/** Throws LabError yours/QEMU_LACKS for a device or a property that this QEMU has not, BAD_MACHINE for devices that do not fit where they are put. */
export const machineArgs = (machine: MachineSpec, offer: QemuOffer): MachineArgs => {
  const asking = { machine: machine.name, offer }
  const slots = slotArgs(machine.devices, asking)
  const [served] = slots.served
  if (served !== undefined && machine.iommu?.kind === 'intel' && !machine.iommu.cachingMode) {
    throw yours('BAD_MACHINE', `machine ${machine.name}: QEMU tells ${served.device.kind} of mappings, which intel-iommu does only in caching mode`, { hint: 'write intelIommu({ cachingMode: true })' })
  }
  const { iommu } = machine
  if (machine.devices.flatMap(devicesOf).some((device) => device.kind === 'virtio-rng' && device.ats) && (iommu === undefined || iommu.kind === 'virtio' || !iommu.deviceIotlb)) {
    throw yours('BAD_MACHINE', `machine ${machine.name}: virtioRng({ ats: true }) asks an IOMMU for translations, and there is none that gives them`, { hint: 'write intelIommu({ deviceIotlb: true }), or amdIommu' })
  }
  return {
    qemu: [
      '-machine', BOARD,
      '-m', `${machine.memoryMiB}M`,
      '-smp', String(machine.cpus),
      // Before every device: QEMU gives a device the DMA address space that its bus has at that moment.
      ...(machine.iommu === undefined ? [] : ['-device', iommuDevice(machine.iommu, asking)]),
      // Ports tell the kernel of a device themselves, as PCI Express has it; by default QEMU would have ACPI do that.
      // Behind ports that ACPI looks after, the bus of a device with power management cannot be reset either.
      ...(slots.later.length + slots.served.length === 0 ? [] : ['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off']),
      ...slots.qemu,
    ],
    commandLine: machine.iommu === undefined ? [] : iommuWords(machine.iommu),
    later: slots.later,
    served: slots.served,
  }
}
