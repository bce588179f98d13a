import { yours } from '../host/errors.ts'
import type { Topology } from '../../guest-agent/protocol.ts'
import { FIRST_BYPASSING_BUS } from '../../guest-agent/protocol.ts'
import { requireBusNumbers } from './bus-numbers.ts'
import { deviceParts, deviceValue } from './device-args.ts'
import { type DeviceSpec, isPlace, isServed, type PlaceSpec, type ServedSpec, type SlotSpec } from './machine-spec.ts'
import { placeProblem } from './places.ts'
import { type Asking, needDevice, propertyName } from './qemu-offer.ts'

export interface SlotArgs {
  readonly qemu: readonly string[]
  readonly later: readonly PluggedLater[]
  readonly served: readonly ServedDevice[]
}

/** A device that a program of its own plays: QEMU plugs it in when that listens. */
export interface ServedDevice {
  readonly id: string
  readonly bus: string
  readonly device: ServedSpec
}

/** A device that is not there when the guest starts: what device_add is given, written as for `-device`. */
export interface PluggedLater {
  readonly id: string
  readonly value: string
}

/** Root ports stand at these slots of the root bus; the slots below are free for what the lab itself plugs in. */
const FIRST_PORT_SLOT = 8
const LAST_PORT_SLOT = 29

/** How many entries of `devices` a machine can have: each takes a slot of the root bus. */
export const MOST_SLOTS = LAST_PORT_SLOT - FIRST_PORT_SLOT + 1

/** The slot of the root bus that a machine's entry of `devices` takes. */
export const rootSlot = (index: number): number => FIRST_PORT_SLOT + index

/** How QEMU reads the number of a slot. */
const hex = (slot: number): string => slot.toString(16)

/** Numbers ports and devices as they come. */
interface Numbering {
  ports: number
  devices: number
}

/** Throws yours/QEMU_LACKS, BAD_MACHINE. */
export const slotArgs = (slots: readonly SlotSpec[], asking: Asking): SlotArgs => {
  requireBusNumbers(asking.machine, slots)
  const numbering: Numbering = { ports: 0, devices: 0 }
  const all = slots.map((slot, index) => {
    const place: Place = { asking, numbering, at: `bus=pcie.0,addr=${hex(rootSlot(index))}` }
    if (isPlace(slot)) return PLACES[slot.kind](requireSound(slot, asking), place)
    return isServed(slot) ? servedArgs(slot, place) : { qemu: ownPort(slot, place), later: [], served: [] }
  })
  return { qemu: all.flatMap(({ qemu }) => qemu), later: all.flatMap(({ later }) => later), served: all.flatMap(({ served }) => served) }
}

interface Place {
  readonly asking: Asking
  readonly numbering: Numbering
  /** Where on the root bus, or on which bus: properties of what is put there. */
  readonly at: string
}

const servedArgs = (device: ServedSpec, place: Place): SlotArgs => {
  const { args, bus } = rootPort(place)
  const { properties } = deviceParts(device, place.numbering.devices++, place.asking)
  return { qemu: args, later: [], served: [{ id: properties['id'] ?? '', bus, device }] }
}

/** A place that was written by hand has met no function of places.ts. */
const requireSound = (place: PlaceSpec, { machine }: Asking): readonly DeviceSpec[] => {
  const problem = placeProblem(place)
  if (problem !== undefined) throw yours('BAD_MACHINE', `machine ${machine}: ${place.kind}: ${problem}`)
  return place.devices
}

/** A port of its own gives each device a group of its own and a bus that can be reset. */
const ownPort = (device: DeviceSpec, place: Place): readonly string[] => {
  // For what is true without a port: nothing can reset it.
  if (device.kind === 'ivshmem') return plugged(device, place.at, place)
  const { args, bus } = rootPort(place)
  return [...args, ...plugged(device, `bus=${bus}`, place)]
}

const rootPort = ({ numbering, at }: Place): { readonly args: readonly string[]; readonly bus: string } => {
  const { bus, identity } = nextPort(numbering)
  return { args: ['-device', `pcie-root-port,${identity},${at}`], bus }
}

const nextPort = (numbering: Numbering): { readonly bus: string; readonly identity: string } => {
  const number = numbering.ports++
  const bus = `port${number}`
  return { bus, identity: `id=${bus},chassis=${number + 1},slot=${number + 1}` }
}

/** QEMU's argv for a device that stands `at` some place of a bus. */
const plugged = (device: DeviceSpec, at: string, { asking, numbering }: Place): readonly string[] => {
  const { before, properties, after } = deviceParts(device, numbering.devices++, asking)
  return [...before, '-device', `${deviceValue(properties)},${at}`, ...after]
}

/** `port` places the downstream port of each device on the switch's bus. */
const switchArgs = (port: (index: number) => string) => (devices: readonly DeviceSpec[], place: Place): SlotArgs => {
  needDevice(place.asking, 'x3130-upstream', '0.13')
  const root = rootPort(place)
  const upstream = `upstream${place.numbering.ports}`
  return {
    qemu: [
      ...root.args, '-device', `x3130-upstream,id=${upstream},bus=${root.bus}`,
      ...devices.flatMap((device, index) => {
        const { bus, identity } = nextPort(place.numbering)
        return ['-device', `xio3130-downstream,${identity},bus=${upstream},${port(index)}`, ...plugged(device, `bus=${bus}`, place)]
      }),
    ],
    later: [],
    served: [],
  }
}

const PLACES: Readonly<Record<Topology, (devices: readonly DeviceSpec[], place: Place) => SlotArgs>> = {
  // A root bus of their own that the vIOMMU does not see.
  bypassing: (devices, place) => {
    needDevice(place.asking, 'pxb-pcie', '2.3')
    const bypass = propertyName(place.asking, 'pxb-pcie', ['bypass_iommu'], '6.1')
    return {
      qemu: [
        '-device', `pxb-pcie,id=bypassing,bus_nr=${FIRST_BYPASSING_BUS},${bypass}=on,${place.at}`,
        ...devices.flatMap((device, index) => ownPort(device, { ...place, at: `bus=bypassing,addr=${hex(index)}` })),
      ],
      later: [],
      served: [],
    }
  },
  // Requests of all devices behind a bridge to conventional PCI carry the bridge's id: one group.
  'one-group': (devices, place) => {
    needDevice(place.asking, 'pcie-pci-bridge', '2.11')
    const port = rootPort(place)
    const bridge = `bridge${place.numbering.ports}`
    return {
      qemu: [
        ...port.args, '-device', `pcie-pci-bridge,id=${bridge},bus=${port.bus}`,
        ...devices.flatMap((device, index) => plugged(device, `bus=${bridge},addr=${hex(index + 1)}`, place)),
      ],
      later: [],
      served: [],
    }
  },
  multifunction: (devices, place) => {
    const port = rootPort(place)
    return {
      qemu: [
        ...port.args,
        ...devices.flatMap((device, index) => plugged(device, `bus=${port.bus},addr=0.${index}${index === 0 ? ',multifunction=on' : ''}`, place)),
      ],
      later: [],
      served: [],
    }
  },
  'behind-switch': switchArgs((index) => `addr=${hex(index)}`),
  'switch-functions': switchArgs((index) => `addr=0.${index}${index === 0 ? ',multifunction=on' : ''}`),
  'plugged-later': (devices, place) => {
    const [device] = devices
    if (device === undefined) throw new Error('a place without a device came past placeProblem()')
    const port = rootPort(place)
    const { before, properties, after } = deviceParts(device, place.numbering.devices++, place.asking)
    if (before.length + after.length > 0) throw yours('BAD_MACHINE', `machine ${place.asking.machine}: ${device.kind} cannot be plugged in later: it takes more than itself`)
    return { qemu: port.args, later: [{ id: properties['id'] ?? '', value: `${deviceValue(properties)},bus=${port.bus}` }], served: [] }
  },
}
