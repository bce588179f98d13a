import { loadedModules, loadModule, moduleFiles, unloadModule } from '../sys/kernel-modules.ts'
import { type ParameterValues, readParameters, writeParameters } from './module-parameters.ts'
import { type PciDevice, VFIO_PCI } from './pci-device.ts'

/** VFIO, IOMMUFD, and what came with them. */
const OURS = /^(?:iommufd|irqbypass|mdev|vfio)(?:_|$)/

/** References to each of them that no other module has: of open files and devices, if of anybody. */
export const vfioModuleUses = (): ReadonlyMap<string, number> =>
  new Map([...loadedModules()].flatMap(([name, { uses, holders }]) => (OURS.test(name) ? [[name, uses - holders.length]] : [])))

/** The modules of VFIO and IOMMUFD that init loaded: as they were when this was made, `load()` brings them back, whatever was unloaded. */
export class VfioModules implements Disposable {
  /** In load order. */
  readonly names: readonly string[] = [...moduleFiles().keys()].filter((name) => OURS.test(name))
  readonly #parameters: ParameterValues = readParameters()
  readonly #bound: readonly PciDevice[]

  constructor(devices: readonly PciDevice[]) {
    this.#bound = devices.filter(({ driver }) => driver === VFIO_PCI)
  }

  /** Each after what needs it, `last` and those that are loaded after it; default: all. Throws Errno at the first that the kernel keeps. */
  unload(last?: string): void {
    const from = last === undefined ? 0 : this.names.indexOf(last)
    if (from < 0) throw new Error(`init loaded no module ${last ?? ''}`)
    for (const name of this.names.slice(from).toReversed()) if (loadedModules().has(name)) unloadModule(name)
  }

  /** Each after what it needs, its parameters before the next one, then the devices bound. */
  load(): void {
    for (const name of this.names) {
      if (!loadedModules().has(name)) loadModule(name)
      writeParameters(this.#parameters)
    }
    for (const device of this.#bound) device.bind()
  }

  [Symbol.dispose](): void {
    this.load()
  }
}
