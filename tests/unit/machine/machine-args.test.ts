import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { edu, iommuTestdev, pciTestdev } from '../../../orchestrator/machine/devices.ts'
import { intelIommu, virtioIommu } from '../../../orchestrator/machine/iommus.ts'
import { machineArgs } from '../../../orchestrator/machine/machine-args.ts'
import type { DeviceSpec, MachineSpec } from '../../../orchestrator/machine/machine-spec.ts'

const devices = [edu(), pciTestdev(), iommuTestdev()]
const machine = (parts: Partial<MachineSpec>): MachineSpec => ({ name: 'm', devices, memoryMiB: 512, cpus: 2, ...parts })

describe('machineArgs', () => {
  it('puts each device behind a root port of its own, no IOMMU', () => {
    expect(machineArgs(machine({}))).toEqual({
      qemu: [
        '-machine', 'q35,kernel-irqchip=split', '-m', '512M', '-smp', '2',
        '-device', 'pcie-root-port,id=port0,chassis=1,slot=1,addr=8',
        '-device', 'edu,dma_mask=0xffffffffffffffff,id=device0,bus=port0',
        '-device', 'pcie-root-port,id=port1,chassis=2,slot=2,addr=9',
        '-device', 'pci-testdev,id=device1,bus=port1',
        '-device', 'pcie-root-port,id=port2,chassis=3,slot=3,addr=10',
        '-device', 'iommu-testdev,id=device2,bus=port2',
      ],
      commandLine: [],
    })
  })

  it('names the properties of intel-iommu as QEMU 11 does', () => {
    const { qemu, commandLine } = machineArgs(
      machine({ iommu: intelIommu({ cachingMode: true, scalable: true, firstStage: true, deviceIotlb: true }) }),
    )
    expect(qemu).toContain('intel-iommu,intremap=on,caching-mode=on,scalable-mode=on,fsts=on,aw-bits=48,device-iotlb=on')
    expect(commandLine).toEqual(['intel_iommu=on,sm_on', 'iommu=nopt'])
  })

  it('leaves the modes away that were not asked for', () => {
    const { qemu, commandLine } = machineArgs(machine({ iommu: intelIommu() }))
    expect(qemu).toContain('intel-iommu,intremap=on,caching-mode=off')
    expect(commandLine).toEqual(['intel_iommu=on', 'iommu=nopt'])
  })

  it('puts the vIOMMU before every other device, whatever the machine', () => {
    const anyDevice = fc.constantFrom<DeviceSpec>(...devices)
    const anyIommu = fc.constantFrom(virtioIommu(), intelIommu(), intelIommu({ scalable: true }))
    fc.assert(
      fc.property(fc.array(anyDevice, { maxLength: 8 }), anyIommu, (some, iommu) => {
        const { qemu } = machineArgs(machine({ iommu, devices: some }))
        const plugged = qemu.filter((_, at) => qemu[at - 1] === '-device')
        expect(plugged[0]).toMatch(/iommu/)
        expect(plugged.length).toBe(1 + 2 * some.length)
        const buses = plugged.flatMap((device) => /,bus=(\w+)/.exec(device)?.[1] ?? [])
        expect(new Set(buses).size).toBe(some.length)
        const slots = plugged.flatMap((device) => /,addr=(\w+)/.exec(device)?.[1] ?? [])
        expect(new Set(slots).size).toBe(slots.length)
      }),
    )
  })
})

describe('constructors', () => {
  it('refuse first stage without scalable mode', () => {
    expect(() => intelIommu({ firstStage: true })).toThrow(expect.objectContaining({ kind: 'yours', code: 'BAD_MACHINE' }))
  })
  it.each([0n, -1n, 1n << 64n])('refuse the DMA mask %s', (dmaMask) => {
    expect(() => edu({ dmaMask })).toThrow(expect.objectContaining({ kind: 'yours', code: 'BAD_MACHINE' }))
  })
})
