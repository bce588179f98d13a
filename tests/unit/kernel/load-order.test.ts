import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadOrder as loadOrderOf, type ModuleLists, moduleName } from '../../../orchestrator/kernel/load-order.ts'

const loadOrder = (dep: string, names: readonly string[], more: Partial<ModuleLists> = {}) => loadOrderOf({ dep, softdep: '', alias: '', ...more }, names)

const DEP = `kernel/drivers/vfio/vfio.ko.xz:
kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/pci/vfio-pci-core.ko.xz kernel/virt/lib/irqbypass.ko.xz kernel/drivers/vfio/vfio.ko.xz
kernel/drivers/vfio/pci/vfio-pci-core.ko.xz: kernel/virt/lib/irqbypass.ko.xz kernel/drivers/vfio/vfio.ko.xz
kernel/virt/lib/irqbypass.ko.xz:
kernel/fs/erofs/erofs.ko.xz:
`

test('what a module depends on is loaded before it, and nothing else is', () => {
  const { paths, missing } = loadOrder(DEP, ['vfio_pci', 'virtio_blk'])
  expect(paths.map(moduleName)).toEqual(['irqbypass', 'vfio', 'vfio_pci_core', 'vfio_pci'])
  expect(missing).toEqual(['virtio_blk'])
})

test('what a module asks for by the name of a function is loaded before it as well, once and the generic one', () => {
  const dep = 'a/erofs.ko: a/libcrc32c.ko\na/libcrc32c.ko:\na/crc32c-intel.ko:\na/crc32c_generic.ko:\n'
  const alias = '# Aliases\nalias crc32c crc32c_intel\nalias crc32c crc32c_generic\n'
  const order = (softdep: string) => loadOrder(dep, ['erofs'], { softdep, alias }).paths.map(moduleName)
  expect(order('# Soft\nsoftdep libcrc32c pre: crc32c\n')).toEqual(['crc32c_generic', 'libcrc32c', 'erofs'])
  expect(order('softdep libcrc32c pre: sha512 crc32c-intel post: crc32c\n')).toEqual(['crc32c_intel', 'libcrc32c', 'erofs'])
  expect(order('softdep libcrc32c post: crc32c\n')).toEqual(['libcrc32c', 'erofs'])
})

test('a list that says nothing has nothing', () => {
  expect(loadOrder('', ['vfio'])).toEqual({ paths: [], missing: ['vfio'] })
  expect(loadOrder('a.ko: b.ko\nb.ko: a.ko\n', ['a']).paths.toSorted()).toEqual(['a.ko', 'b.ko'])
})

test('in every order of a closed list each module stands after all of its own', () => {
  // Module i depends on some of those before it; depmod lists all of them, however deep, in no order that one could rely on.
  const graph = fc.array(fc.array(fc.nat(40), { maxLength: 4 }), { minLength: 1, maxLength: 40 }).chain((raw) => {
    const all: (readonly number[])[] = []
    for (const [index, picks] of raw.entries()) {
      const direct = index === 0 ? [] : picks.map((pick) => pick % index)
      all.push([...new Set(direct.flatMap((one) => [one, ...(all[one] ?? [])]))])
    }
    return fc.tuple(fc.constant(all), fc.tuple(...all.map((dependencies) => fc.shuffledSubarray([...dependencies], { minLength: dependencies.length }))), fc.array(fc.nat(all.length - 1), { minLength: 1 }))
  })
  fc.assert(fc.property(graph, ([all, shuffled, wanted]) => {
    const file = (index: number) => `kernel/m${index}.ko.zst`
    const text = shuffled.map((dependencies, index) => `${file(index)}:${dependencies.map((one) => ` ${file(one)}`).join('')}\n`).join('')
    const { paths, missing } = loadOrder(text, wanted.map((index) => `m${index}`))
    expect(missing).toEqual([])
    expect(new Set(paths)).toEqual(new Set(wanted.flatMap((index) => [index, ...(all[index] ?? [])]).map(file)))
    for (const [place, path] of paths.entries()) {
      const index = Number(/m(\d+)/.exec(path)?.[1])
      for (const one of all[index] ?? []) expect(paths.indexOf(file(one))).toBeLessThan(place)
    }
  }))
})
