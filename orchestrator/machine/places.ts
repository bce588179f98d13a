import type { DeviceKind, Topology } from '../../guest-agent/protocol.ts'
import { yours } from '../host/errors.ts'
import { type DeviceSpec, isServed, type PlaceSpec } from './machine-spec.ts'

/** Those that speak PCI Express only and do not fit into a conventional slot. */
const EXPRESS_ONLY: readonly DeviceKind[] = ['nvme', 'igb', 'e1000e', 'pcie-ats-testdev']
/** How many devices fit where they stand: buses, slots of a bridge, functions of a slot. */
const MOST: Readonly<Record<Topology, number>> = {
  bypassing: 32, 'one-group': 31, multifunction: 8, 'behind-switch': 32, 'switch-functions': 8, 'plugged-later': 1,
}

/** Why these devices cannot stand there together; undefined when they can. Whatever made the place, a function of this file or a hand. */
export const placeProblem = ({ kind, devices }: PlaceSpec): string | undefined => {
  if (devices.length === 0) return 'name the devices that stand there'
  const served = devices.find(isServed)
  if (served !== undefined) return `${served.kind} stands behind a root port of its own, and so beside the places`
  const unfit = kind === 'one-group' ? devices.find((device) => EXPRESS_ONLY.includes(device.kind)) : undefined
  if (unfit !== undefined) return `${unfit.kind} is a device of PCI Express, and stands behind no bridge to conventional PCI`
  return devices.length > MOST[kind] ? `${devices.length} devices, and there is room for ${MOST[kind]}` : undefined
}

/** On a root bus that the vIOMMU does not see (pxb-pcie, bypass_iommu=on): these devices have no IOMMU, whatever the machine has. */
export const bypassingIommu = (...devices: readonly DeviceSpec[]): PlaceSpec => sound('bypassingIommu', { kind: 'bypassing', devices })

/** Behind one bridge to conventional PCI, so that they are one IOMMU group. Throws yours/BAD_MACHINE for a device of PCI Express. */
export const oneGroup = (...devices: readonly DeviceSpec[]): PlaceSpec => sound('oneGroup', { kind: 'one-group', devices })

/** As the functions of one device. */
export const multifunction = (...devices: readonly DeviceSpec[]): PlaceSpec => sound('multifunction', { kind: 'multifunction', devices })

/**
 * Each behind a downstream port of one switch (x3130). QEMU's has no ACS, as its root ports have: the kernel cannot tell a device from the port
 * that it stands behind, and puts both into one IOMMU group.
 */
export const behindSwitch = (...devices: readonly DeviceSpec[]): PlaceSpec => sound('behindSwitch', { kind: 'behind-switch', devices })

/** The same, the ports being functions of one slot: they and all that stands behind them are one IOMMU group. */
export const behindSwitchFunctions = (...devices: readonly DeviceSpec[]): PlaceSpec => sound('behindSwitchFunctions', { kind: 'switch-functions', devices })

/** Not there when the guest starts: plugged in, and out again, while a case runs. */
export const pluggedLater = (device: DeviceSpec): PlaceSpec => sound('pluggedLater', { kind: 'plugged-later', devices: [device] })

const sound = (constructor: string, place: PlaceSpec): PlaceSpec => {
  const problem = placeProblem(place)
  if (problem !== undefined) throw yours('BAD_MACHINE', `${constructor}(): ${problem}`)
  return place
}
