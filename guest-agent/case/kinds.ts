import { DEVICE_CAPABILITIES, DEVICE_KINDS, type DeviceCapability, type DeviceKind } from '../protocol.ts'

/** The kinds of device that have one of these capabilities at least, but for those that a suite of their own is about. */
export const kindsWith = (capabilities: readonly DeviceCapability[], except: readonly DeviceKind[] = []): readonly DeviceKind[] =>
  DEVICE_KINDS.filter((kind) => !except.includes(kind) && capabilitiesOf(kind, capabilities).length > 0)

/** Of these capabilities, those that the kind has: what a case that adapts to its device exercises there. */
export const capabilitiesOf = (kind: DeviceKind, capabilities: readonly DeviceCapability[]): readonly DeviceCapability[] =>
  capabilities.filter((capability) => DEVICE_CAPABILITIES[kind].includes(capability))

export const has = (kind: DeviceKind, capability: DeviceCapability): boolean => DEVICE_CAPABILITIES[kind].includes(capability)
