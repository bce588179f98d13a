import { basename } from 'node:path'
import { DEVICE_CAPABILITIES, DEVICE_KINDS } from '../../guest-agent/protocol.ts'
import { loadConfig } from '../config/load-config.ts'
import { LabError } from '../host/errors.ts'
import { interruptSignal } from '../host/interrupt.ts'
import { DEVICE_MODELS } from '../machine/device-models.ts'
import { machineArgs } from '../machine/machine-args.ts'
import { isPlace, type MachineSpec, type SlotSpec, wantsAts } from '../machine/machine-spec.ts'
import { machineFacts } from '../machine/machine-facts.ts'
import { type QemuOffer, sinceText } from '../machine/qemu-offer.ts'
import { openTools } from '../toolbox/open-tools.ts'
import { TOOLS_QEMU } from '../toolbox/qemu-program.ts'
import { askQemu } from '../vm/ask-qemu.ts'
import { notice } from './notice.ts'

/** A row of a table for people, and the same for programs. */
export interface Listed {
  readonly cells: readonly string[]
  readonly json: unknown
}

/** All rows, and the line below them. */
export interface Listing {
  readonly rows: readonly Listed[]
  readonly total: string
}

/** Every machine of the config: its IOMMU's traits, its devices, and whether this QEMU can be it. */
export const listMachines = async (): Promise<readonly Listed[]> => {
  const { machines, offer } = await labAndQemu()
  return machines.map((machine) => {
    const { iommu, devices, topology } = machineFacts(machine)
    // Another QEMU is not asked, nor built, for a list.
    const lacks = machine.qemu === undefined && !wantsAts(machine) ? lackOf(machine, offer) : undefined
    return {
      cells: [
        machine.name, lacks ?? (machine.onRequest ? 'when named' : 'always'), iommu.length === 0 ? 'no IOMMU' : iommu.join(' '),
        machine.devices.map(slotText).join(' '),
      ],
      json: { name: machine.name, iommu, devices, topology, onRequest: machine.onRequest, ...(lacks === undefined ? {} : { lacks }) },
    }
  })
}

/** Every device that a machine can have: how a config asks for it, what cases may ask of it, and whether this QEMU has it. */
export const listDevices = async (): Promise<readonly Listed[]> => {
  const { offer } = await labAndQemu()
  return DEVICE_KINDS.map((kind) => {
    const { driver, since, factory } = DEVICE_MODELS[kind]
    const has = offer.devices.has(driver)
    const capabilities = DEVICE_CAPABILITIES[kind]
    return {
      cells: [kind, factory, capabilities.join(' '), ...(has ? [] : [`QEMU ${offer.version} has it not; ${sinceText(since)}`])],
      json: { kind, factory, capabilities, qemu: { driver, since, has } },
    }
  })
}

const labAndQemu = async (): Promise<{ readonly machines: readonly MachineSpec[]; readonly offer: QemuOffer }> => {
  const signal = interruptSignal()
  const { machines, tools: kind } = await loadConfig(undefined, process.cwd())
  await using tools = await openTools(kind, { notice, signal })
  return { machines, offer: await askQemu(TOOLS_QEMU, tools, signal) }
}

const slotText = (slot: SlotSpec): string => {
  if (isPlace(slot)) return `${slot.kind}(${slot.devices.map(({ kind }) => kind).join(' ')})`
  return slot.kind === 'vfio-user' ? `${slot.kind}(${basename(slot.file)})` : slot.kind
}

const lackOf = (machine: MachineSpec, offer: QemuOffer): string | undefined => {
  try {
    machineArgs(machine, offer)
    return undefined
  } catch (error) {
    if (error instanceof LabError && error.code === 'QEMU_LACKS') return error.message
    throw error
  }
}
