import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import type { DeviceCapability, DeviceKind } from '../protocol.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { Edu } from './edu.ts'
import { E1000e } from './intel-nic/e1000e.ts'
import { Igb } from './intel-nic/igb.ts'
import { IommuTestdev } from './iommu-testdev.ts'
import { Nvme } from './nvme/nvme.ts'
import { PcieAtsTestdev } from './pcie-ats-testdev.ts'
import type { DmaReader, DmaWriter, Interrupter, TestDevice } from './test-device.ts'
import { VfioUserDma } from './vfio-user-dma.ts'
import { VirtioRng } from './virtio/virtio-rng.ts'

/** The drivers; pci-testdev and ivshmem have nothing but their BARs, and what a vfio-user device has its author knows. */
const DRIVERS: Readonly<Record<DeviceKind, (lab: CaseContext, open: OpenDevice) => TestDevice | Promise<TestDevice>>> = {
  edu: (lab, open) => new Edu(lab, open),
  'pci-testdev': () => ({}),
  'iommu-testdev': (_, open) => new IommuTestdev(open),
  nvme: (lab, open) => Nvme.start(lab, open),
  igb: (lab, open) => new Igb(lab, open),
  e1000e: (lab, open) => new E1000e(lab, open),
  'virtio-rng': (lab, open) => new VirtioRng(lab, open),
  ivshmem: () => ({}),
  'pcie-ats-testdev': (lab, open) => new PcieAtsTestdev(lab, open),
  'vfio-user-dma': (lab, open) => new VfioUserDma(lab, open),
  'vfio-user': () => ({}),
}

/** The driver of an open device, ready to work: bus mastering is on. */
export const drive = async (lab: CaseContext, open: OpenDevice): Promise<TestDevice> => await DRIVERS[open.pci.kind](lab, open)

/** A method of a driver that the case asked for by its capability; a driver without it fails the case. */
export const offered = <T>(open: OpenDevice, capability: DeviceCapability, method: T | undefined): T => {
  if (method !== undefined) return method
  throw new Failed(`the driver of ${open.pci.toString()} does not have ${capability}: the case asked for the wrong device`)
}

/** The driver of an open device that can write to memory. */
export const dmaWriter = async (lab: CaseContext, open: OpenDevice): Promise<DmaWriter> => {
  const { dmaWrite } = await drive(lab, open)
  return { dmaWrite: offered(open, 'dma-write', dmaWrite) }
}

/** The driver of an open device that can read from memory. */
export const dmaReader = async (lab: CaseContext, open: OpenDevice): Promise<DmaReader> => {
  const { dmaRead } = await drive(lab, open)
  return { dmaRead: offered(open, 'dma-read', dmaRead) }
}

/** The driver of an open device that can raise interrupts. */
export const interrupter = async (lab: CaseContext, open: OpenDevice): Promise<Interrupter> => {
  const { vectors = 0, repeats = false, prepareVectors, raiseInterrupt, acknowledgeInterrupt } = await drive(lab, open)
  return {
    vectors,
    repeats,
    raiseInterrupt: offered(open, 'intx', raiseInterrupt),
    acknowledgeInterrupt: offered(open, 'intx', acknowledgeInterrupt),
    ...(prepareVectors === undefined ? {} : { prepareVectors }),
  }
}
