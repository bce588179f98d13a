/** All that a file of a device imports, as `vfio-lab/device`. */
export { defineDevice, type Device, type DeviceFile, type ResetBy } from './device/define-device.ts'
export { register32, register64, type Register } from './device/register.ts'
export { privateMemory, sharedMemory, type BarMemory, type SharedMemory } from './device/bar-memory.ts'
export type { Area, Bar } from './device/bar.ts'
export type { Bus, Irq } from './device/bus.ts'
export type { Dma, DmaOutcome, DmaReadOutcome } from './device/dma.ts'
export { ats, extendedVendorSpecific, msi, msix, pasid, pcie, pm, serialNumber, vendorSpecific } from './pci/capabilities.ts'
export { capability, type Capability } from './pci/capability.ts'
