import fs from 'node:fs'
import { readParameters, writeParameters, type ParameterValues } from '../pci/module-parameters.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { openFds } from '../sys/fd.ts'
import { openMappings } from '../sys/memory.ts'
import { readText } from '../sys/text-file.ts'

/** What a case must leave as it found it. */
export interface Inventory {
  /** Descriptor number -> what it points to. */
  readonly fds: ReadonlyMap<string, string>
  readonly mappings: ReadonlySet<unknown>
  /** VmPin and VmLck of /proc/self/status, kB. */
  readonly locked: ReadonlyMap<string, number>
  /** Device -> driver. */
  readonly drivers: ReadonlyMap<PciDevice, string | undefined>
  readonly parameters: ParameterValues
  readonly hugePages: string | undefined
}

export const takeInventory = (devices: readonly PciDevice[]): Inventory => ({
  fds: descriptors(),
  mappings: new Set(openMappings()),
  locked: lockedMemory(),
  drivers: new Map(devices.map((device) => [device, device.driver])),
  parameters: readParameters(),
  hugePages: readText('/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'),
})

/** What is there now and was not before, in words; an empty list is a clean case. */
export const leftovers = (before: Inventory, devices: readonly PciDevice[]): readonly string[] => {
  const now = takeInventory(devices)
  return [
    ...[...now.fds].filter(([fd, target]) => before.fds.get(fd) !== target).map(([fd, target]) => `fd ${fd} (${target}) is still open`),
    ...openMappings().filter((mapping) => !before.mappings.has(mapping)).map(({ what }) => `${what} is still mapped`),
    ...[...now.locked].filter(([field, kB]) => kB > (before.locked.get(field) ?? 0))
      .map(([field, kB]) => `${field} grew from ${before.locked.get(field) ?? 0} to ${kB} kB`),
    ...[...now.drivers].filter(([device, driver]) => before.drivers.get(device) !== driver)
      .map(([device, driver]) => `${device.toString()} is bound to ${driver ?? 'no driver'}, before: ${before.drivers.get(device) ?? 'no driver'}`),
    ...[...now.parameters].filter(([name, value]) => before.parameters.get(name) !== value)
      .map(([name, value]) => `${name} is ${value}, before: ${before.parameters.get(name) ?? 'absent'}`),
    ...(now.hugePages === before.hugePages ? [] : [`${now.hugePages ?? 'no'} huge pages, before: ${before.hugePages ?? 'none'}`]),
  ]
}

/** Takes away what a case left, so that the next one starts clean; what cannot be taken away is told by the next inventory. */
export const clearLeftovers = async (before: Inventory): Promise<void> => {
  for (const mapping of openMappings()) if (!before.mappings.has(mapping)) mapping.unmap()
  for (const fd of openFds()) if (before.fds.get(fd.number.toString()) === undefined) fd.close()
  writeParameters(before.parameters)
  for (const [device, driver] of before.drivers) {
    if (device.driver === driver) continue
    if (driver === undefined) await device.unbind()
    else device.bind()
  }
}

const DIR = '/proc/self/fd'

const descriptors = (): ReadonlyMap<string, string> =>
  new Map(fs.readdirSync(DIR).flatMap((fd) => {
    try {
      return [[fd, fs.readlinkSync(`${DIR}/${fd}`)] as const]
    } catch {
      // The descriptor of the listing itself is gone by now.
      return []
    }
  }))

const lockedMemory = (): ReadonlyMap<string, number> => {
  const status = readText('/proc/self/status') ?? ''
  return new Map([...status.matchAll(/^(VmPin|VmLck):\s+(\d+) kB$/gm)].map(([, field = '', kB]) => [field, Number(kB)]))
}
