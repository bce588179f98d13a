import fs from 'node:fs'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { dmaWriter } from '../devices/drive.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { type PciDevice, VFIO_PCI as BOUND_DRIVER } from '../pci/pci-device.ts'
import { VfioModules, vfioModuleUses } from '../pci/vfio-modules.ts'
import { loadedModules, loadModule, unloadModule } from '../sys/kernel-modules.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { namesIn } from '../sys/text-file.ts'
import { attachGroup, hasContainer } from '../vfio/attached-group.ts'
import { openCdev } from '../vfio/bound-cdev.ts'
import { Container } from '../vfio/container.ts'
import { openAnyDevice, openThroughGroup, type OpenDevice } from '../vfio/open-device.ts'

const NEEDS = { config: ['MODULE_UNLOAD', 'VFIO=m', 'VFIO_PCI=m'], access: 'any', device: ['dma-write'] } as const
const IOMMUFD = { ...NEEDS, config: [...NEEDS.config, 'IOMMUFD=m'] } as const
const CONTAINER = { ...NEEDS, config: [...NEEDS.config, 'VFIO_CONTAINER'], access: 'group' } as const
const IOMMUFD_MAIN = 'drivers/iommu/iommufd/main.c'
const VFIO_MAIN = 'drivers/vfio/vfio_main.c'
const VFIO_PCI = 'drivers/vfio/pci/vfio_pci.c'
const VFIO_CONTAINER = 'drivers/vfio/container.c'
/** Unloading waits for grace periods of RCU, and a device that is bound is reset. */
const SLOW_MS = 30_000
const ROUNDS = 3
const LENGTH = 64

const allDevices = (lab: CaseContext): readonly PciDevice[] => [...lab.devices(), ...lab.bypassingDevices]

/** The modules as they are now, which they are again when the case ends. */
const keepModules = (lab: CaseContext): VfioModules => lab.use(new VfioModules(allDevices(lab)))

/**
 * References to each module that are of somebody who has something open. Of vfio that is one less where it has a device, because each is an inode
 * of its file system, and that is mounted once for all (vfio_main.c, vfio_fs_inode_new()).
 */
const usesOf = (lab: CaseContext): ReadonlyMap<string, number> => {
  const isMounted = allDevices(lab).some(({ driver }) => driver === BOUND_DRIVER)
  return new Map([...vfioModuleUses()].map(([name, uses]) => [name, name === 'vfio' && isMounted ? uses - 1 : uses]))
}

const isUsed = (lab: CaseContext, ...names: readonly string[]): void => {
  const uses = usesOf(lab)
  for (const name of names) ok((uses.get(name) ?? 0) > 0, `the module ${name} must be in use`)
}

const nobodyUses = (lab: CaseContext): void => {
  equal([...usesOf(lab)].filter(([, uses]) => uses !== 0).map(([name, uses]) => `${name} ${uses}`), [], 'modules that somebody uses')
}

/** It can be loaded without the rest, or VFIO without it. */
const iommufdIsModule = (lab: CaseContext): boolean => lab.facts.config['IOMMUFD'] === 'm'

/** What is refused for being in use stays as it is. */
const isKept = (name: string): void => {
  expectErrno('EAGAIN', () => { unloadModule(name) })
  ok(loadedModules().has(name), `the module ${name} must still be loaded`)
}

const noneIsLoaded = ({ names }: VfioModules): void => {
  const loaded = loadedModules()
  equal(names.filter((name) => loaded.has(name)), [], 'modules that are loaded')
}

/** The nodes of VFIO and IOMMUFD themselves, and how many devices have one. */
const nodes = () => ({
  iommu: fs.existsSync('/dev/iommu'),
  container: fs.existsSync('/dev/vfio/vfio'),
  groups: namesIn('/dev/vfio').filter((name) => /\d$/.test(name)).length,
  cdevs: namesIn('/dev/vfio/devices').length,
})

const NO_NODES = { iommu: false, container: false, groups: 0, cdevs: 0 } as const

/** The device writes to memory that is mapped for it. */
const writesMemory = async (lab: CaseContext, open: OpenDevice): Promise<void> => {
  const { dmaWrite } = await dmaWriter(lab, open)
  const memory = lab.use(Memory.pages(PAGE_SIZE))
  const address = open.dma.map(memory)
  const report = await dmaWrite(address, LENGTH)
  equalWritten(memory.bytes.slice(0, LENGTH), report, 'memory that the device wrote to')
  open.dma.unmap(address)
}

/** Open, attach, map, DMA, and all of it closed. */
const works = (lab: CaseContext): Promise<void> =>
  lab.forEachDevice((pci, inner) => writesMemory(inner, openAnyDevice(inner, pci)), [lab.device(['dma-write'])])

const unbindAll = async (lab: CaseContext): Promise<void> => {
  for (const device of allDevices(lab)) await device.unbind()
}

const useCounts = defineCase({
  name: 'use-counts',
  title: 'at rest nobody but another module uses a module; what is open uses the modules that it stands on, until it is closed',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [IOMMUFD_MAIN, VFIO_MAIN, VFIO_CONTAINER] },
  run: async (lab) => {
    nobodyUses(lab)
    if (iommufdIsModule(lab)) {
      using _ = IommuFd.open()
      isUsed(lab, 'iommufd')
    }
    nobodyUses(lab)
    await lab.forEachDevice((pci, inner) => {
      if (pci.cdevNode === undefined) return
      openCdev(inner, pci)
      isUsed(lab, 'vfio')
    }, [lab.device()])
    nobodyUses(lab)
    await lab.forEachDevice((pci, inner) => {
      openAnyDevice(inner, pci)
      isUsed(lab, 'vfio', 'vfio_pci')
      if (pci.cdevNode !== undefined && iommufdIsModule(lab)) isUsed(lab, 'iommufd')
    }, [lab.device()])
    nobodyUses(lab)
  },
})

const dependents = defineCase({
  name: 'dependents',
  title: 'a module that another one needs is kept; one is not loaded twice, nor before what it needs',
  needs: NEEDS,
  timeoutMs: SLOW_MS,
  covers: { ioctls: [], sources: [IOMMUFD_MAIN, VFIO_MAIN, VFIO_PCI] },
  run: (lab) => {
    const modules = keepModules(lab)
    for (const name of [...(iommufdIsModule(lab) ? ['iommufd'] : []), 'vfio', 'vfio_pci_core']) isKept(name)
    for (const name of modules.names) expectErrno('EEXIST', () => { loadModule(name) })
    modules.unload()
    for (const name of ['vfio_pci', 'vfio_pci_core', ...(iommufdIsModule(lab) ? ['vfio'] : [])]) expectErrno('ENOENT', () => { loadModule(name) })
    noneIsLoaded(modules)
  },
})

const openDevice = defineCase({
  name: 'open-device',
  title: 'a device that is open keeps vfio_pci, and goes on working; closed, it keeps it no longer',
  needs: NEEDS,
  timeoutMs: SLOW_MS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [VFIO_MAIN, VFIO_PCI] },
  run: async (lab) => {
    const modules = keepModules(lab)
    const pci = lab.device(['dma-write'])
    await lab.forEachDevice(async (_, inner) => {
      const open = openAnyDevice(inner, pci)
      isKept('vfio_pci')
      await writesMemory(inner, open)
    }, [pci])
    modules.unload('vfio_pci')
    equal(pci.driver, undefined, 'driver of the device after its module was unloaded')
  },
})

const openIommufd = defineCase({
  name: 'open-iommufd',
  title: 'an open /dev/iommu keeps iommufd though all of VFIO is gone, and goes on working',
  needs: IOMMUFD,
  timeoutMs: SLOW_MS,
  covers: { ioctls: ['IOMMU_IOAS_ALLOC'], sources: [IOMMUFD_MAIN] },
  run: (lab) => {
    const modules = keepModules(lab)
    {
      using iommu = IommuFd.open()
      modules.unload('vfio')
      isKept('iommufd')
      equal(nodes(), { ...NO_NODES, iommu: true }, 'nodes')
      ok(iommu.ioasAlloc().id > 0, 'the context must still answer')
    }
    modules.unload()
    equal(fs.existsSync('/dev/iommu'), false, '/dev/iommu exists')
  },
})

const openContainer = defineCase({
  name: 'open-container',
  title: 'an open container keeps vfio, and one with an IOMMU of type1 keeps that too',
  needs: CONTAINER,
  timeoutMs: SLOW_MS,
  covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_GROUP_SET_CONTAINER'], sources: [VFIO_CONTAINER, 'drivers/vfio/vfio_iommu_type1.c'] },
  run: async (lab) => {
    const modules = keepModules(lab)
    if (lab.hasIommu) {
      await lab.forEachDevice((pci, inner) => {
        attachGroup(inner, { pci })
        isKept('vfio_iommu_type1')
      }, [lab.device()])
    }
    await lab.forEachDevice((pci, inner) => {
      openThroughGroup(inner, pci)
      isUsed(lab, 'vfio', 'vfio_pci')
    }, [lab.device()])
    {
      using container = Container.open()
      modules.unload('vfio_iommu_type1')
      isKept('vfio')
      equal(container.apiVersion(), 0, 'version that the container tells')
    }
    modules.unload('vfio')
    equal(fs.existsSync('/dev/vfio/vfio'), false, '/dev/vfio/vfio exists')
  },
})

const bound = defineCase({
  name: 'unload-bound',
  title: 'vfio_pci lets go of the devices that it is bound to when it is unloaded, and takes those back that are meant for it',
  needs: NEEDS,
  timeoutMs: SLOW_MS,
  covers: { ioctls: [], sources: [VFIO_PCI, VFIO_MAIN, 'drivers/vfio/group.c', 'drivers/vfio/device_cdev.c'] },
  run: async (lab) => {
    const modules = keepModules(lab)
    const before = nodes()
    const drivers = allDevices(lab).map(({ driver }) => driver)
    modules.unload('vfio_pci')
    equal(allDevices(lab).map(({ driver }) => driver), drivers.map(() => undefined), 'drivers of the devices')
    equal(nodes(), { ...before, groups: 0, cdevs: 0 }, 'nodes')
    loadModule('vfio_pci')
    equal(allDevices(lab).map(({ driver }) => driver), drivers, 'drivers of the devices')
    equal(nodes(), before, 'nodes')
    await works(lab)
  },
})

const again = defineCase({
  name: 'again-and-again',
  title: 'all of it is unloaded and loaded again, three times: the nodes go and come, and the devices work',
  needs: NEEDS,
  timeoutMs: ROUNDS * SLOW_MS,
  covers: {
    ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'],
    sources: [IOMMUFD_MAIN, VFIO_MAIN, VFIO_CONTAINER, VFIO_PCI, 'drivers/vfio/vfio_iommu_type1.c', 'drivers/vfio/device_cdev.c', 'drivers/vfio/group.c'],
  },
  run: async (lab) => {
    const modules = keepModules(lab)
    const before = nodes()
    equal({ iommu: before.iommu, container: before.container }, { iommu: lab.config('IOMMUFD'), container: hasContainer(lab) }, 'nodes')
    for (let round = 0; round < ROUNDS; round += 1) {
      nobodyUses(lab)
      await unbindAll(lab)
      equal(nodes(), { ...before, groups: 0, cdevs: 0 }, `nodes of round ${round}, no device bound`)
      modules.unload('vfio')
      equal(nodes(), { ...NO_NODES, iommu: before.iommu }, `nodes of round ${round}, VFIO unloaded`)
      modules.unload()
      equal(nodes(), { ...NO_NODES, iommu: before.iommu && !iommufdIsModule(lab) }, `nodes of round ${round}, all unloaded`)
      noneIsLoaded(modules)
      modules.load()
      equal(nodes(), before, `nodes of round ${round}, loaded again`)
      await works(lab)
    }
  },
})

export const modules = suite('modules', [useCounts, dependents, openDevice, openIommufd, openContainer, bound, again])
