import { DEVICE_CAPABILITIES, type DeviceCapability, type DeviceKind, type IommuTrait, type Needs, type Topology } from '../../guest-agent/protocol.ts'
import { hasSymbol, unreachable } from './device-access.ts'
import type { KernelFacts } from '../kernel/built-kernel.ts'
import type { MachineFacts } from '../machine/machine-spec.ts'

/** The first need that does not hold in a cell, in words of the cell; undefined when the case can run there. */
export const unmetNeed = (needs: Needs, kernel: KernelFacts, machine: MachineFacts): string | undefined =>
  first(needs.config, (line) => unmetConfig(line, kernel))
  ?? first(needs.uapi, (name) => unmetUapi(name, kernel))
  ?? unmetIommu(needs.iommu, machine)
  ?? (needs.access === undefined ? undefined : unreachable(needs.access, kernel, machine))
  ?? unmetDevice(needs, machine)
  ?? first(needs.topology, (place) => (machine.topology.includes(place) ? machine.unfit?.[place] : NO_PLACE[place]))

const first = <One extends string>(wanted: readonly One[] | undefined, unmet: (one: One) => string | undefined): string | undefined => {
  for (const one of wanted ?? []) {
    const because = unmet(one)
    if (because !== undefined) return because
  }
  return undefined
}

const unmetConfig = (line: string, kernel: KernelFacts): string | undefined => {
  const alternatives = line.split('|').map((term) => {
    const { name, negated } = readTerm(term)
    if (name.endsWith('=m')) {
      const symbol = name.slice(0, -'=m'.length)
      return { holds: (kernel.config[symbol] === 'm') !== negated, text: `${symbol} is ${negated ? '' : 'not '}a module` }
    }
    return { holds: hasSymbol(kernel, name) !== negated, text: `${name} is ${negated ? '' : 'not '}set` }
  })
  return alternatives.some(({ holds }) => holds) ? undefined : alternatives.map(({ text }) => text).join(' and ')
}

const unmetUapi = (term: string, kernel: KernelFacts): string | undefined => {
  const { name, negated } = readTerm(term)
  if (kernel.uapi.includes(name) !== negated) return undefined
  return `the tree's headers have ${negated ? '' : 'no '}${name}`
}

const unmetIommu = (wanted: Needs['iommu'], machine: MachineFacts): string | undefined => {
  const none = machine.iommu.length === 0
  if (wanted === undefined) return undefined
  if (wanted === 'none') return none ? undefined : 'there is an IOMMU on this machine'
  if (wanted === 'present') return none ? NO_IOMMU : undefined
  return first(wanted, (term) => {
    const { name, negated } = readTerm(term)
    if (machine.iommu.some((trait) => trait === name) !== negated) return undefined
    return none ? NO_IOMMU : traitText(name, negated)
  })
}

const NO_IOMMU = 'no IOMMU on this machine'

const KINDS: readonly string[] = ['intel', 'amd', 'virtio'] satisfies IommuTrait[]

const traitText = (trait: string, present: boolean): string =>
  KINDS.includes(trait)
    ? `the IOMMU of this machine is ${present ? '' : 'not '}${trait}`
    : `the IOMMU of this machine has ${present ? '' : 'no '}${trait}`

const unmetDevice = (needs: Needs, machine: MachineFacts): string | undefined => {
  const { access, device, deviceKind, besides = [], devices, topology } = needs
  const missing = [...(deviceKind === undefined ? [] : [deviceKind]), ...besides].find((kind) => !machine.devices.includes(kind))
  if (missing !== undefined) return `no ${missing} on this machine`
  const able = machine.devices.filter((kind) => hasAll(capabilitiesOn(machine, kind), device ?? []))
  if (deviceKind !== undefined && !able.includes(deviceKind)) return `the ${deviceKind} of this machine has not ${(device ?? []).join(' and ')}`
  // Whoever wants a door to a device, or none, takes any there is; but for those that name their own, which bypasses the IOMMU or comes later.
  if (device === undefined && access !== undefined && topology === undefined && able.length === 0) return NO_DEVICE
  if (device !== undefined && able.length === 0) {
    return device.length === 0 ? NO_DEVICE : `no device on this machine has ${device.join(' and ')}`
  }
  const lack = device?.map((capability) => machine.lacks?.[capability]).find((because) => because !== undefined)
  if (lack !== undefined) return lack
  if (devices !== undefined && machine.devices.length < devices) {
    return `this machine has ${machine.devices.length} of the ${devices} devices that it takes`
  }
  return undefined
}

const NO_DEVICE = 'no device of the lab on this machine'

const NO_PLACE: Readonly<Record<Topology, string>> = {
  bypassing: 'no device on this machine bypasses its IOMMU',
  'one-group': 'no devices on this machine share a group by a bridge',
  multifunction: 'no device on this machine has several functions',
  'behind-switch': 'no device on this machine stands behind a switch',
  'switch-functions': 'no device on this machine stands behind a switch whose ports are functions of one slot',
  'plugged-later': 'nothing can be plugged into this machine later',
}
const capabilitiesOn = ({ without }: MachineFacts, kind: DeviceKind): readonly DeviceCapability[] =>
  DEVICE_CAPABILITIES[kind].filter((capability) => without?.[kind]?.includes(capability) !== true)

const hasAll = (has: readonly DeviceCapability[], wanted: readonly DeviceCapability[]): boolean => wanted.every((one) => has.includes(one))

const readTerm = (term: string): { readonly name: string; readonly negated: boolean } => {
  const text = term.trim()
  return text.startsWith('!') ? { name: text.slice(1), negated: true } : { name: text, negated: false }
}
