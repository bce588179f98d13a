import type { DeviceSpec, IommuSpec, MachineSpec } from './machine-spec.ts'

export interface MachineArgs {
  /** QEMU's argv for the machine and its devices under test; names as in QEMU 11. */
  readonly qemu: readonly string[]
  /** Words of the kernel's command line that the machine needs. */
  readonly commandLine: readonly string[]
}

/** Guests are q35 everywhere; interrupt remapping needs the split irqchip as soon as KVM is used. */
export const BOARD = 'q35,kernel-irqchip=split'

/** Root ports stand at these slots of the root bus; the slots below are free for what the lab itself plugs in. */
const FIRST_PORT_SLOT = 8
const IOMMU_SLOT = 2

export const machineArgs = (machine: MachineSpec): MachineArgs => ({
  qemu: [
    '-machine', BOARD,
    '-m', `${machine.memoryMiB}M`,
    '-smp', String(machine.cpus),
    // Before every device: QEMU gives a device the DMA address space that its bus has at that moment.
    ...(machine.iommu === undefined ? [] : ['-device', iommuDevice(machine.iommu)]),
    ...machine.devices.flatMap(behindOwnPort),
  ],
  commandLine: machine.iommu === undefined ? [] : iommuWords(machine.iommu),
})

const iommuDevice = (iommu: IommuSpec): string => {
  if (iommu.kind === 'virtio') return `virtio-iommu-pci,addr=${IOMMU_SLOT}`
  return [
    'intel-iommu',
    `intremap=${onOff(iommu.interruptRemapping)}`,
    `caching-mode=${onOff(iommu.cachingMode)}`,
    ...(iommu.scalable ? ['scalable-mode=on'] : []),
    // First stage walks x86 page tables of four levels: QEMU refuses it with fewer than 48 address bits.
    ...(iommu.firstStage ? ['fsts=on', 'aw-bits=48'] : []),
    ...(iommu.deviceIotlb ? ['device-iotlb=on'] : []),
  ].join(',')
}

/** A port of its own gives each device a group of its own and a bus that can be reset. */
const behindOwnPort = (device: DeviceSpec, index: number): readonly string[] => [
  '-device', `pcie-root-port,id=port${index},chassis=${index + 1},slot=${index + 1},addr=${FIRST_PORT_SLOT + index}`,
  '-device', `${deviceModel(device)},id=device${index},bus=port${index}`,
]

const deviceModel = (device: DeviceSpec): string =>
  device.kind === 'edu' ? `edu,dma_mask=0x${device.dmaMask.toString(16)}` : device.kind

/** `iommu=nopt`: default domains translate, so that a device outside of VFIO is isolated as well. */
const iommuWords = (iommu: IommuSpec): readonly string[] => {
  if (iommu.kind === 'virtio') return ['iommu=nopt']
  return [iommu.scalable ? 'intel_iommu=on,sm_on' : 'intel_iommu=on', 'iommu=nopt']
}

const onOff = (on: boolean): string => (on ? 'on' : 'off')
