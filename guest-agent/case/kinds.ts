import type { PciDevice } from '../pci/pci-device.ts'
import { DEVICE_CAPABILITIES, DEVICE_KINDS, type DeviceCapability, type DeviceKind } from '../protocol.ts'
import type { CaseContext } from './case-context.ts'

/** The kinds of device that have one of these capabilities at least, but for those that a suite of their own is about. */
export const kindsWith = (capabilities: readonly DeviceCapability[], except: readonly DeviceKind[] = []): readonly DeviceKind[] =>
  DEVICE_KINDS.filter((kind) => !except.includes(kind) && capabilitiesOf(kind, capabilities).length > 0)

/** Of these capabilities, those that the kind has: what a case that adapts to its device exercises there. */
export const capabilitiesOf = (kind: DeviceKind, capabilities: readonly DeviceCapability[]): readonly DeviceCapability[] =>
  capabilities.filter((capability) => DEVICE_CAPABILITIES[kind].includes(capability))

/** The kinds that have none of these, for certain: a vfio-user device may have anything, whatever is known of all of them. */
export const kindsWithout = (capabilities: readonly DeviceCapability[]): readonly DeviceKind[] =>
  DEVICE_KINDS.filter((kind) => kind !== 'vfio-user' && capabilitiesOf(kind, capabilities).length === 0)

export const has = (kind: DeviceKind, capability: DeviceCapability): boolean => DEVICE_CAPABILITIES[kind].includes(capability)

/**
 * Kinds that one case looks at together. Every other kind has a case of its own for the same (device-identity): what resets itself when it is
 * opened and closed takes two tenths of a second each time.
 */
const PLAIN_KINDS: readonly DeviceKind[] = ['edu', 'pci-testdev', 'iommu-testdev']

export const isPlain = (kind: DeviceKind): boolean => PLAIN_KINDS.includes(kind)

/** The plain devices of the machine; if there is none, whatever there is. */
export const plainDevices = (lab: CaseContext): readonly PciDevice[] => {
  const plain = lab.devices().filter(({ kind }) => isPlain(kind))
  return plain.length > 0 ? plain : lab.devices()
}
