import { describe, expect, it } from 'vitest'
import { qemuArgs } from '../../../orchestrator/vm/qemu-args.ts'
import type { VmSpec } from '../../../orchestrator/vm/running-vm.ts'

const spec: VmSpec = {
  machineArgs: ['-machine', 'q35', '-device', 'virtio-iommu-pci', '-device', 'edu'],
  accel: 'tcg', bzImage: '/k/bzImage', initrd: '/r/initrd', disk: '/i/disk', commandLine: ['iommu=nopt'], folder: '/r', bootLimitMs: 1,
}
const after = (args: readonly string[], flag: string) => args.flatMap((arg, at) => (args[at - 1] === flag ? [arg] : []))

describe('qemuArgs', () => {
  it('plugs the lab\'s own devices in after the machine\'s, outside of the vIOMMU', () => {
    const devices = after(qemuArgs(spec, '/s'), '-device')
    expect(devices.map((device) => device.split(',')[0])).toEqual(['virtio-iommu-pci', 'edu', 'virtio-blk-pci', 'virtio-net-pci'])
    expect(devices.join()).not.toContain('iommu_platform')
  })

  it('lets nobody reach the guest but from this host, and the guest nobody', () => {
    const [netdev] = after(qemuArgs(spec, '/s'), '-netdev')
    expect(netdev).toContain('restrict=on')
    expect(netdev).toContain('hostfwd=tcp:127.0.0.1:0-')
  })

  it('puts the words of the machine on the kernel\'s command line', () => {
    expect(after(qemuArgs(spec, '/s'), '-append').join().split(' ')).toEqual(expect.arrayContaining(['console=ttyS0', 'oops=panic', 'iommu=nopt']))
  })

  it('asks for KVM with the host\'s processor, or for neither', () => {
    expect(after(qemuArgs({ ...spec, accel: 'kvm' }, '/s'), '-cpu')).toEqual(['host'])
    expect(qemuArgs(spec, '/s').join()).not.toContain('kvm,')
  })
})
