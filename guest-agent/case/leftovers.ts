import { readParameters, writeParameters, type ParameterValues } from '../pci/module-parameters.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { setVirtualFunctions, virtualFunctions } from '../pci/virtual-functions.ts'
import { Errno } from '../sys/errno.ts'
import { openFds } from '../sys/fd.ts'
import { libc } from '../sys/libc.ts'
import { openMappings, type Mapping } from '../sys/memory.ts'
import { linkTarget, readText } from '../sys/text-file.ts'

/** What a case must leave as it found it. */
export interface Inventory {
  readonly fds: ReadonlySet<number>
  readonly mappings: ReadonlySet<Mapping>
  /** VmPin and VmLck of /proc/self/status, kB. */
  readonly locked: ReadonlyMap<string, number>
  /** Device -> driver. */
  readonly drivers: ReadonlyMap<PciDevice, string | undefined>
  /** How many virtual functions each device has switched on. */
  readonly functions: ReadonlyMap<PciDevice, number>
  readonly parameters: ParameterValues
  readonly hugePages: string | undefined
}

export const takeInventory = (devices: readonly PciDevice[]): Inventory => ({
  fds: descriptors(),
  mappings: new Set(openMappings()),
  locked: lockedMemory(),
  drivers: new Map(devices.map((device) => [device, device.driver])),
  functions: new Map(devices.map((device) => [device, virtualFunctions(device).length])),
  parameters: readParameters(),
  hugePages: readText('/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'),
})

/** What is there now and was not before, in words; an empty list is a clean case. */
export const leftovers = (before: Inventory, now: Inventory): readonly string[] =>
  [
    ...[...now.fds].filter((fd) => !before.fds.has(fd)).map((fd) => `fd ${fd} (${linkOf(fd)}) is still open`),
    ...[...now.mappings].filter((mapping) => !before.mappings.has(mapping)).map(({ what }) => `${what} is still mapped`),
    ...[...now.locked].filter(([field, kB]) => kB > (before.locked.get(field) ?? 0))
      .map(([field, kB]) => `${field} grew from ${before.locked.get(field) ?? 0} to ${kB} kB`),
    ...[...now.drivers].filter(([device, driver]) => before.drivers.get(device) !== driver)
      .map(([device, driver]) => `${device.toString()} is bound to ${driver ?? 'no driver'}, before: ${before.drivers.get(device) ?? 'no driver'}`),
    ...[...now.functions].filter(([device, count]) => before.functions.get(device) !== count)
      .map(([device, count]) => `${device.toString()} has ${count} virtual functions, before: ${before.functions.get(device) ?? 'none'}`),
    ...[...now.parameters].filter(([name, value]) => before.parameters.get(name) !== value)
      .map(([name, value]) => `${name} is ${value}, before: ${before.parameters.get(name) ?? 'absent'}`),
    ...(now.hugePages === before.hugePages ? [] : [`${now.hugePages ?? 'no'} huge pages, before: ${before.hugePages ?? 'none'}`]),
  ]

/** Takes away what a case left, so that the next one starts clean. What the kernel refuses is told by the cases that miss it: a device that is gone, say. */
export const clearLeftovers = async (before: Inventory): Promise<void> => {
  for (const mapping of openMappings()) if (!before.mappings.has(mapping)) mapping.unmap()
  for (const fd of openFds()) if (!before.fds.has(fd.number)) fd.close()
  for (const [device, count] of before.functions) {
    if (virtualFunctions(device).length > count) await ifItCan(() => setVirtualFunctions(device, count))
  }
  await ifItCan(() => { writeParameters(before.parameters) })
  for (const [device, driver] of before.drivers) {
    if (device.driver === driver) continue
    await ifItCan(async () => {
      if (driver === undefined) await device.unbind()
      else device.bind()
    })
  }
}

/** An agent that gave up here would take the cases that are left with it, and call the kernel's fault its own. */
const ifItCan = async (step: () => void | Promise<void>): Promise<void> => {
  try {
    await step()
  } catch (error) {
    if (!(error instanceof Errno)) throw error
  }
}

const F_GETFD = 1
/** The kernel gives out the lowest free number, so what a case leaves is found among the first ones. */
const DESCRIPTORS = 256

/** Asked one by one: listing /proc/self/fd would find the descriptor of the listing itself. */
const descriptors = (): ReadonlySet<number> => {
  const { fcntl } = libc()
  return new Set(Array.from({ length: DESCRIPTORS }, (_, fd) => fd).filter((fd) => fcntl(fd, F_GETFD, 0) !== -1))
}

const linkOf = (fd: number): string => linkTarget(`/proc/self/fd/${fd}`) ?? 'closed meanwhile'

const lockedMemory = (): ReadonlyMap<string, number> => {
  const status = readText('/proc/self/status') ?? ''
  return new Map([...status.matchAll(/^(VmPin|VmLck):\s+(\d+) kB$/gm)].map(([, field = '', kB]) => [field, Number(kB)]))
}
