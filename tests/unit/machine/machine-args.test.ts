import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { e1000e, edu, igb, iommuTestdev, ivshmem, nvme, pciTestdev, vfioUserDma, virtioRng } from '../../../orchestrator/machine/devices.ts'
import { amdIommu, intelIommu, virtioIommu } from '../../../orchestrator/machine/iommus.ts'
import { machineArgs } from '../../../orchestrator/machine/machine-args.ts'
import type { DeviceSpec, MachineSpec, SlotSpec } from '../../../orchestrator/machine/machine-spec.ts'
import { MOST_SLOTS } from '../../../orchestrator/machine/slot-args.ts'
import { behindSwitch, behindSwitchFunctions, bypassingIommu, multifunction, oneGroup, pluggedLater } from '../../../orchestrator/machine/places.ts'
import { errorOf } from './error-of.ts'
import { goldenOffer } from './golden-offer.ts'

const offer = goldenOffer('11.1')
const devices = [edu(), pciTestdev(), iommuTestdev()]
const machine = (parts: Partial<MachineSpec>): MachineSpec => ({ name: 'm', devices, memoryMiB: 512, cpus: 2, onRequest: false, ...parts })
/** The values of `-device`. */
const plugged = (slots: readonly SlotSpec[]) => {
  const { qemu, later } = machineArgs(machine({ devices: slots }), offer)
  return { devices: qemu.filter((_, at) => qemu[at - 1] === '-device'), later }
}

test('each device stands behind a root port of its own, no IOMMU', () => {
  expect(machineArgs(machine({}), offer)).toEqual({
    qemu: [
      '-machine', 'q35,kernel-irqchip=split', '-m', '512M', '-smp', '2',
      '-device', 'pcie-root-port,id=port0,chassis=1,slot=1,bus=pcie.0,addr=8',
      '-device', 'edu,dma_mask=0xffffffffffffffff,id=device0,bus=port0',
      '-device', 'pcie-root-port,id=port1,chassis=2,slot=2,bus=pcie.0,addr=9',
      '-device', 'pci-testdev,id=device1,bus=port1',
      '-device', 'pcie-root-port,id=port2,chassis=3,slot=3,bus=pcie.0,addr=a',
      '-device', 'iommu-testdev,id=device2,bus=port2',
    ],
    commandLine: [],
    later: [],
    served: [],
  })
})

test.each<readonly [string, DeviceSpec, readonly string[]]>([
  ['edu', edu({ dmaMask: 0xffffn }), ['-device', 'edu,dma_mask=0xffff,id=device0,bus=port0']],
  ['pci-testdev', pciTestdev(), ['-device', 'pci-testdev,id=device0,bus=port0']],
  ['iommu-testdev', iommuTestdev(), ['-device', 'iommu-testdev,id=device0,bus=port0']],
  ['nvme', nvme(), [
    '-drive', 'if=none,id=disk0,driver=null-co,size=1M,read-zeroes=on,snapshot=on',
    '-device', 'nvme-subsys,id=subsystem0',
    '-device', 'nvme,serial=lab0,subsys=subsystem0,max_ioqpairs=4,msix_qsize=5,id=device0,bus=port0',
    '-device', 'nvme-ns,drive=disk0,bus=device0',
  ]],
  ['nvme with virtual functions', nvme({ virtualFunctions: 2 }), [
    '-drive', 'if=none,id=disk0,driver=null-co,size=1M,read-zeroes=on,snapshot=on',
    '-device', 'nvme-subsys,id=subsystem0',
    '-device', 'nvme,serial=lab0,subsys=subsystem0,max_ioqpairs=8,msix_qsize=7,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,id=device0,bus=port0',
    '-device', 'nvme-ns,drive=disk0,bus=device0',
  ]],
  ['igb', igb(), ['-device', 'igb,romfile=,id=device0,bus=port0']],
  ['e1000e', e1000e(), ['-device', 'e1000e,romfile=,id=device0,bus=port0']],
  ['virtio-rng', virtioRng(), ['-object', 'rng-builtin,id=entropy0', '-device', 'virtio-rng-pci,rng=entropy0,disable-legacy=on,iommu_platform=on,id=device0,bus=port0']],
  ['virtio-rng with ATS', virtioRng({ ats: true }), ['-object', 'rng-builtin,id=entropy0', '-device', 'virtio-rng-pci,rng=entropy0,disable-legacy=on,iommu_platform=on,ats=on,id=device0,bus=port0']],
])('%s is plugged into its port, what stands behind it before it', (_, device, args) => {
  const { qemu } = machineArgs(machine({ devices: [device], iommu: amdIommu({ deviceIotlb: true }) }), offer)
  expect(qemu.slice(8)).toEqual(['-device', 'pcie-root-port,id=port0,chassis=1,slot=1,bus=pcie.0,addr=8', ...args])
})

test('ivshmem stands on the root bus, where nothing can reset it', () => {
  expect(machineArgs(machine({ devices: [edu(), ivshmem({ sizeMiB: 8 })] }), offer).qemu.slice(10)).toEqual([
    '-object', 'memory-backend-ram,id=memory1,size=8M,share=on', '-device', 'ivshmem-plain,memdev=memory1,id=device1,bus=pcie.0,addr=9',
  ])
})

describe('places', () => {
  it('one group: behind a bridge to conventional PCI', () => {
    expect(plugged([oneGroup(edu(), pciTestdev()), iommuTestdev()]).devices).toEqual([
      'pcie-root-port,id=port0,chassis=1,slot=1,bus=pcie.0,addr=8',
      'pcie-pci-bridge,id=bridge1,bus=port0',
      'edu,dma_mask=0xffffffffffffffff,id=device0,bus=bridge1,addr=1',
      'pci-testdev,id=device1,bus=bridge1,addr=2',
      'pcie-root-port,id=port1,chassis=2,slot=2,bus=pcie.0,addr=9',
      'iommu-testdev,id=device2,bus=port1',
    ])
  })
  it('functions of one device', () => {
    expect(plugged([multifunction(edu(), pciTestdev())]).devices).toEqual([
      'pcie-root-port,id=port0,chassis=1,slot=1,bus=pcie.0,addr=8',
      'edu,dma_mask=0xffffffffffffffff,id=device0,bus=port0,addr=0.0,multifunction=on',
      'pci-testdev,id=device1,bus=port0,addr=0.1',
    ])
  })
  it('behind a switch', () => {
    expect(plugged([behindSwitch(edu(), pciTestdev())]).devices).toEqual([
      'pcie-root-port,id=port0,chassis=1,slot=1,bus=pcie.0,addr=8',
      'x3130-upstream,id=upstream1,bus=port0',
      'xio3130-downstream,id=port1,chassis=2,slot=2,bus=upstream1,addr=0',
      'edu,dma_mask=0xffffffffffffffff,id=device0,bus=port1',
      'xio3130-downstream,id=port2,chassis=3,slot=3,bus=upstream1,addr=1',
      'pci-testdev,id=device1,bus=port2',
    ])
  })
  it('behind a switch whose ports are functions of one slot', () => {
    expect(plugged([behindSwitchFunctions(edu(), pciTestdev())]).devices.filter((value) => value.startsWith('xio3130'))).toEqual([
      'xio3130-downstream,id=port1,chassis=2,slot=2,bus=upstream1,addr=0.0,multifunction=on',
      'xio3130-downstream,id=port2,chassis=3,slot=3,bus=upstream1,addr=0.1',
    ])
  })
  it('on a root bus that the IOMMU does not see', () => {
    expect(plugged([edu(), bypassingIommu(edu(), pciTestdev())]).devices.slice(2)).toEqual([
      'pxb-pcie,id=bypassing,bus_nr=128,bypass_iommu=on,bus=pcie.0,addr=9',
      'pcie-root-port,id=port1,chassis=2,slot=2,bus=bypassing,addr=0',
      'edu,dma_mask=0xffffffffffffffff,id=device1,bus=port1',
      'pcie-root-port,id=port2,chassis=3,slot=3,bus=bypassing,addr=1',
      'pci-testdev,id=device2,bus=port2',
    ])
  })
  it('plugged in later: the port is there, the device is for device_add', () => {
    const { devices: there, later } = plugged([pluggedLater(edu({ dmaMask: 0xffffn }))])
    expect(there).toEqual(['pcie-root-port,id=port0,chassis=1,slot=1,bus=pcie.0,addr=8'])
    expect(later).toEqual([{ id: 'device0', value: 'edu,dma_mask=0xffff,id=device0,bus=port0' }])
  })
  it.each([() => oneGroup(), () => multifunction(...Array.from({ length: 9 }, () => edu()))])('refuse none and too many', (make) => {
    expect(make).toThrow(expect.objectContaining({ kind: 'yours', code: 'BAD_MACHINE' }))
  })
})

test.each<readonly [string, readonly SlotSpec[], RegExp]>([
  ['two buses that bypass the IOMMU, which would have one name', [bypassingIommu(edu()), bypassingIommu(pciTestdev())], /one bus that bypasses/],
  ['more buses than there are numbers', Array.from({ length: 4 }, () => behindSwitch(...Array.from({ length: 30 }, () => edu()))), /take 128 PCI buses, and there are numbers for 127/],
])('a machine with %s is refused', (_, slots, words) => {
  const refused = errorOf(() => plugged(slots))
  expect(refused).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE' })
  expect(refused.message).toMatch(words)
})

test.each([undefined, virtioIommu(), intelIommu(), amdIommu()])('a device with ATS behind an IOMMU that gives no translations is refused', (iommu) => {
  const refused = errorOf(() => machineArgs(machine({ devices: [virtioRng({ ats: true })], ...(iommu === undefined ? {} : { iommu }) }), offer))
  expect(refused).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE' })
  expect(refused.message).toMatch(/virtioRng\(\{ ats: true \}\)/)
})

test('the vIOMMU stands before every other device, and no two devices in one place, whatever the machine', () => {
  const anyDevice = fc.constantFrom(...devices)
  const some = fc.array(anyDevice, { minLength: 1, maxLength: 4 })
  const anySlot = fc.oneof(anyDevice, some.map((all) => oneGroup(...all)), some.map((all) => multifunction(...all)), some.map((all) => behindSwitch(...all)), anyDevice.map(pluggedLater))
  const anyIommu = fc.constantFrom(virtioIommu(), amdIommu(), intelIommu(), intelIommu({ scalable: true }))
  fc.assert(
    fc.property(fc.array(anySlot, { maxLength: 8 }), anyIommu, (slots, iommu) => {
      const { qemu, later } = machineArgs(machine({ iommu, devices: slots }), offer)
      const values = qemu.filter((_, at) => qemu[at - 1] === '-device')
      expect(values[0]).toMatch(/iommu/)
      const ids = [...values.flatMap((value) => /,id=(\w+)/.exec(value)?.[1] ?? []), ...later.map(({ id }) => id)]
      expect(new Set(ids).size).toBe(ids.length)
      const places = values.map((value) => `${/,bus=(\w+)/.exec(value)?.[1] ?? 'root'} ${/,addr=([\w.]+)/.exec(value)?.[1] ?? value}`)
      expect(new Set(places).size).toBe(places.length)
      const chassis = values.flatMap((value) => /,chassis=(\w+)/.exec(value)?.[1] ?? [])
      expect(new Set(chassis).size).toBe(chassis.length)
    }),
  )
})

test('every place has a number that QEMU, which reads hexadecimal, takes for a slot of its bus', () => {
  const many = Array.from({ length: MOST_SLOTS - 3 }, () => edu())
  const { devices: values } = plugged([...many, oneGroup(...Array.from({ length: 31 }, () => edu())), behindSwitch(...Array.from({ length: 32 }, () => edu())), bypassingIommu(...Array.from({ length: 32 }, () => edu()))])
  const places = values.flatMap((value) => {
    const [, bus, slot] = /,bus=(\w+).*,addr=([0-9a-f]+)/.exec(value) ?? []
    return bus === undefined ? [] : [{ bus, slot: Number.parseInt(slot ?? '', 16) }]
  })
  for (const bus of ['pcie', 'bridge20', 'upstream21', 'bypassing']) {
    const slots = places.filter((place) => place.bus === bus).map(({ slot }) => slot)
    expect(slots, bus).toEqual(Array.from({ length: slots.length }, (_, at) => (slots[0] ?? 0) + at))
    expect(slots.at(-1), bus).toBeLessThan(32)
  }
})

test('a device that this QEMU has not is said with the release that has it', () => {
  const refused = errorOf(() => machineArgs(machine({ devices: [iommuTestdev()] }), goldenOffer('10.0')))
  expect(refused).toMatchObject({ kind: 'yours', code: 'QEMU_LACKS', message: 'machine m: QEMU 10.0.13 has no device iommu-testdev' })
  expect(refused.hint).toContain('since 11.0')
})

test('the first QEMU with vfio-user is refused, for its dialect', () => {
  const served = machine({ devices: [vfioUserDma()] })
  expect(errorOf(() => machineArgs(served, { ...offer, version: '10.1.0' }))).toMatchObject({ kind: 'yours', code: 'QEMU_LACKS' })
  expect(machineArgs(served, { ...offer, version: '10.1.1' }).served).toHaveLength(1)
})

test.each([-1, 128, 1.5, NaN])('nvme refuses %s virtual functions', (virtualFunctions) => {
  expect(() => nvme({ virtualFunctions })).toThrow(expect.objectContaining({ kind: 'yours', code: 'BAD_MACHINE' }))
})

test.each([0, 3, -4, 0.5, 2048])('ivshmem refuses a RAM of %s MiB', (sizeMiB) => {
  expect(() => ivshmem({ sizeMiB })).toThrow(expect.objectContaining({ kind: 'yours', code: 'BAD_MACHINE' }))
})

test.each([0n, -1n, 1n << 64n])('edu refuses the DMA mask %s', (dmaMask) => {
  expect(() => edu({ dmaMask })).toThrow(expect.objectContaining({ kind: 'yours', code: 'BAD_MACHINE' }))
})
