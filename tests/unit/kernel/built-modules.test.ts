import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { builtModules } from '../../../orchestrator/kernel/built-modules.ts'
import { temporaryFolder } from '../host/temporary-folder.ts'

/** What modpost leaves of a module beside it, as far as it is read. */
const DEPENDS: Readonly<Record<string, string>> = {
  'drivers/vfio/pci/vfio-pci': 'vfio-pci-core,vfio',
  'drivers/vfio/pci/vfio-pci-core': 'irqbypass,vfio',
  'drivers/vfio/vfio': 'iommufd',
  'drivers/iommu/iommufd/iommufd': '',
  'virt/lib/irqbypass': '',
  'lib/unasked': 'iommufd',
}

const objectTree = async (dir: string) => {
  for (const [stem, depends] of Object.entries(DEPENDS)) {
    await mkdir(dirname(join(dir, stem)), { recursive: true })
    await writeFile(join(dir, `${stem}.mod.c`), `MODULE_INFO(intree, "Y");\n\nMODULE_INFO(depends, "${depends}");\n`)
  }
  await writeFile(join(dir, 'modules.order'), Object.keys(DEPENDS).map((stem) => `${stem}.o\n`).join(''))
}

test('the modules of an object tree come after what they depend on, and none that no guest loads', async () => {
  await using dir = await temporaryFolder()
  await objectTree(dir.path)
  expect((await builtModules(dir.path, { IOMMUFD: 'm', VFIO: 'm', VFIO_PCI: 'm', VFIO_GROUP: 'y' })).map((path) => path.slice(dir.path.length + 1))).toEqual([
    'drivers/iommu/iommufd/iommufd.ko', 'drivers/vfio/vfio.ko', 'virt/lib/irqbypass.ko', 'drivers/vfio/pci/vfio-pci-core.ko', 'drivers/vfio/pci/vfio-pci.ko',
  ])
})

test('a kernel that has everything built in has none', async () => {
  expect(await builtModules('/nowhere', { IOMMUFD: 'y', VFIO: 'y', VFIO_PCI: 'y' })).toEqual([])
})

test('a module that the config has and make did not leave is no kernel', async () => {
  await using dir = await temporaryFolder()
  await objectTree(dir.path)
  await expect(builtModules(dir.path, { VIRTIO_NET: 'm' })).rejects.toThrow('make left no module virtio_net')
})
