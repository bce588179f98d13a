import type { DeviceKind } from '../../guest-agent/protocol.ts'
import { yours } from '../host/errors.ts'
import { type DeviceSpec, isServed, type PlaceSpec } from './machine-spec.ts'

/** Those that speak PCI Express only and do not fit into a conventional slot. */
const EXPRESS_ONLY: readonly DeviceKind[] = ['nvme', 'igb', 'e1000e', 'pcie-ats-testdev']
const MOST_FUNCTIONS = 8
const MOST_BEHIND_BRIDGE = 31

/** On a root bus that the vIOMMU does not see (pxb-pcie, bypass_iommu=on): these devices have no IOMMU, whatever the machine has. */
export const bypassingIommu = (...devices: readonly DeviceSpec[]): PlaceSpec => ({ kind: 'bypassing', devices: some('bypassingIommu', devices, 32) })

/** Behind one bridge to conventional PCI, so that they are one IOMMU group. Throws yours/BAD_MACHINE for a device of PCI Express. */
export const oneGroup = (...devices: readonly DeviceSpec[]): PlaceSpec => {
  const unfit = devices.find(({ kind }) => EXPRESS_ONLY.includes(kind))
  if (unfit !== undefined) throw yours('BAD_MACHINE', `oneGroup(): ${unfit.kind} is a device of PCI Express, and stands behind no bridge to conventional PCI`)
  return { kind: 'one-group', devices: some('oneGroup', devices, MOST_BEHIND_BRIDGE) }
}

/** As the functions of one device. */
export const multifunction = (...devices: readonly DeviceSpec[]): PlaceSpec => ({ kind: 'multifunction', devices: some('multifunction', devices, MOST_FUNCTIONS) })

/**
 * Each behind a downstream port of one switch (x3130). QEMU's has no ACS, as its root ports have: the kernel cannot tell a device from the port
 * that it stands behind, and puts both into one IOMMU group.
 */
export const behindSwitch = (...devices: readonly DeviceSpec[]): PlaceSpec => ({ kind: 'behind-switch', devices: some('behindSwitch', devices, 32) })

/** The same, the ports being functions of one slot: they and all that stands behind them are one IOMMU group. */
export const behindSwitchFunctions = (...devices: readonly DeviceSpec[]): PlaceSpec =>
  ({ kind: 'switch-functions', devices: some('behindSwitchFunctions', devices, MOST_FUNCTIONS) })

/** Not there when the guest starts: plugged in, and out again, while a case runs. */
export const pluggedLater = (device: DeviceSpec): PlaceSpec => ({ kind: 'plugged-later', devices: some('pluggedLater', [device], 1) })

const some = (constructor: string, devices: readonly DeviceSpec[], most: number): readonly DeviceSpec[] => {
  if (devices.length === 0) throw yours('BAD_MACHINE', `${constructor}(): name the devices that stand there`)
  const served = devices.find(isServed)
  if (served !== undefined) throw yours('BAD_MACHINE', `${constructor}(): ${served.kind} stands behind a root port of its own, and so beside the places`)
  if (devices.length > most) throw yours('BAD_MACHINE', `${constructor}(): ${devices.length} devices, and there is room for ${most}`)
  return devices
}
