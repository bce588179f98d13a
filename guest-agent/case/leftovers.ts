import { Mdev, mdevUuids } from '../mdev/mdev.ts'
import { readParameters, writeParameters, type ParameterValues } from '../pci/module-parameters.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { vfioModuleUses } from '../pci/vfio-modules.ts'
import { setVirtualFunctions, virtualFunctionCount } from '../pci/virtual-functions.ts'
import { Errno } from '../sys/errno.ts'
import { openDescriptors, openFds } from '../sys/fd.ts'
import { nextEventFdId } from '../sys/eventfd.ts'
import { openMappings, type Mapping } from '../sys/memory.ts'
import { openFileCount } from '../sys/open-files.ts'
import { pinnedPages } from '../sys/pinned-pages.ts'
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
  /** The mediated devices that there are, by their uuids. */
  readonly mdevs: ReadonlySet<string>
  readonly parameters: ParameterValues
  /** References to the modules of VFIO and IOMMUFD that no other module has. */
  readonly moduleUses: ReadonlyMap<string, number>
  readonly hugePages: string | undefined
  /** Counters of the whole system, which say something only where nobody else is at work. */
  readonly wholeGuest: {
    /** Pages pinned. */
    readonly pinned?: number | undefined
    /** The number of the next eventfd: contexts that the kernel keeps though nobody has them open push it up. */
    readonly nextEventFd?: number | undefined
    /** Open files, whoever has them. */
    readonly files?: number | undefined
  }
}

/** `alone`: nobody else is at work on this system. */
export const takeInventory = (devices: readonly PciDevice[], { alone = false } = {}): Inventory => ({
  fds: openDescriptors(),
  mappings: new Set(openMappings()),
  locked: lockedMemory(),
  drivers: new Map(devices.map((device) => [device, device.driver])),
  functions: new Map(devices.map((device) => [device, virtualFunctionCount(device)])),
  mdevs: new Set(mdevUuids()),
  parameters: readParameters(),
  moduleUses: vfioModuleUses(),
  hugePages: readText('/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'),
  wholeGuest: alone ? { pinned: pinnedPages(), nextEventFd: nextEventFdId(), files: openFileCount() } : {},
})

/** What is there now and was not before, in words; an empty list is a clean case. */
export const leftovers = (before: Inventory, now: Inventory): readonly string[] =>
  [
    ...newFds(before, now).map((fd) => `fd ${fd} (${linkOf(fd)}) is still open`),
    ...[...now.mappings].filter((mapping) => !before.mappings.has(mapping)).map(({ what }) => `${what} is still mapped`),
    ...[...now.locked].filter(([field, kB]) => kB > (before.locked.get(field) ?? 0))
      .map(([field, kB]) => `${field} grew from ${before.locked.get(field) ?? 0} to ${kB} kB`),
    ...[...now.drivers].filter(([device, driver]) => before.drivers.get(device) !== driver)
      .map(([device, driver]) => `${device.toString()} is bound to ${driver ?? 'no driver'}, before: ${before.drivers.get(device) ?? 'no driver'}`),
    ...[...now.functions].filter(([device, count]) => before.functions.get(device) !== count)
      .map(([device, count]) => `${device.toString()} has ${count} virtual functions, before: ${before.functions.get(device) ?? 'none'}`),
    ...[...now.mdevs].filter((uuid) => !before.mdevs.has(uuid)).map((uuid) => `mdev ${uuid} is still there`),
    ...[...now.parameters].filter(([name, value]) => before.parameters.get(name) !== value)
      .map(([name, value]) => `${name} is ${value}, before: ${before.parameters.get(name) ?? 'absent'}`),
    ...[...before.moduleUses].filter(([name]) => !now.moduleUses.has(name)).map(([name]) => `the module ${name} is not loaded any more`),
    ...[...now.moduleUses].flatMap(([name, uses]) => grown(`references to the module ${name} are still held`, before.moduleUses.get(name), uses)),
    ...grown('pages are still pinned', before.wholeGuest.pinned, now.wholeGuest.pinned),
    // One whose descriptor is still open is told as that.
    ...(newFds(before, now).some((fd) => linkOf(fd).includes('[eventfd]')) ? [] : grown('contexts of eventfds are still held', before.wholeGuest.nextEventFd, now.wholeGuest.nextEventFd)),
    // Likewise.
    ...(newFds(before, now).length > 0 ? [] : grown('files are still open, though nobody has a descriptor', before.wholeGuest.files, now.wholeGuest.files)),
    ...(now.hugePages === before.hugePages ? [] : [`${now.hugePages ?? 'no'} huge pages, before: ${before.hugePages ?? 'none'}`]),
  ]

/** Takes away what a case left, so that the next one starts clean. What the kernel refuses is told by the cases that miss it: a device that is gone, say. */
export const clearLeftovers = async (before: Inventory): Promise<void> => {
  for (const mapping of openMappings()) if (!before.mappings.has(mapping)) mapping.unmap()
  for (const fd of openFds()) if (!before.fds.has(fd.number)) fd.close()
  for (const uuid of mdevUuids()) if (!before.mdevs.has(uuid)) await ifItCan(() => new Mdev(uuid).remove())
  for (const [device, count] of before.functions) {
    if (virtualFunctionCount(device) > count) await ifItCan(() => setVirtualFunctions(device, count))
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

const newFds = (before: Inventory, now: Inventory): readonly number[] => [...now.fds].filter((fd) => !before.fds.has(fd))

const grown = (what: string, before: number | undefined, now: number | undefined): readonly string[] =>
  before === undefined || now === undefined || now <= before ? [] : [`${now - before} ${what}`]

const linkOf = (fd: number): string => linkTarget(`/proc/self/fd/${fd}`) ?? 'closed meanwhile'

/** The two stand one below the other. */
const LOCKED = /^VmLck:\s+(\d+) kB\nVmPin:\s+(\d+) kB$/m

const lockedMemory = (): ReadonlyMap<string, number> => {
  const [, locked, pinned] = LOCKED.exec(readText('/proc/self/status') ?? '') ?? []
  return new Map([['VmLck', Number(locked ?? 0)], ['VmPin', Number(pinned ?? 0)]])
}
