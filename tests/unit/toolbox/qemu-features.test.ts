import { expect, test } from 'vitest'
import { devicesIn, optionsIn } from '../../../orchestrator/toolbox/qemu-features.ts'

test('devices are read from -device help', () => {
  const help = 'Misc devices:\nname "edu", bus PCI\nname "intel-iommu", bus System, desc "Intel IOMMU (VT-d) DMA Remapping device"\nname "virtio-iommu-pci", bus PCI, alias "virtio-iommu"\n'
  expect([...devicesIn(help)]).toEqual(['edu', 'intel-iommu', 'virtio-iommu-pci'])
})

test('options are read from -device NAME,help', () => {
  const help = 'intel-iommu options:\n  caching-mode=<bool>    - on/off (default: off)\n  fsts=<bool>            - on/off (default: off)\n  x-old.name=<str>\n'
  expect([...optionsIn(help)]).toEqual(['caching-mode', 'fsts', 'x-old.name'])
})
