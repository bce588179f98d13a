import type { CaseContext } from '../case/case-context.ts'
import { type CaseDefinition, defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, Failed } from '../case/expect.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { dmaWriter } from '../devices/drive.ts'
import { pciAddress } from '../pci/pci-address.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Topology } from '../protocol.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openGroup } from '../vfio/attached-group.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'
import { ioasDmaSpace } from '../vfio/dma-space.ts'
import { openAnyDevice, openThroughGroup } from '../vfio/open-device.ts'

const IOMMU = 'drivers/iommu/iommu.c'
const IOMMUFD = 'drivers/iommu/iommufd/device.c'
const IOVA = 0x10_0000n

/** Two devices that stand in a place together; the first one can write to memory. */
type Pair = readonly [writer: PciDevice, other: PciDevice]

/** Where requests of devices cannot be told apart, or pass each other without being seen by the IOMMU. */
const PLACES: Readonly<Partial<Record<Topology, (writer: PciDevice, other: PciDevice) => boolean>>> = {
  // Behind a bridge to conventional PCI there are slots other than 0.
  'one-group': (a, b) => sameBus(a, b) && pciAddress(a.bdf).slot !== pciAddress(b.bdf).slot,
  multifunction: (a, b) => sameBus(a, b) && pciAddress(a.bdf).slot === pciAddress(b.bdf).slot,
  'switch-functions': (a, b) => a.upstream !== undefined && a.port !== b.port && portSlot(a) === portSlot(b),
}

/** The slot on the switch's bus. */
const portSlot = ({ port }: PciDevice): string => port.replace(/\.\d$/, '')

const sameBus = (a: PciDevice, b: PciDevice): boolean => pciAddress(a.bdf).bus === pciAddress(b.bdf).bus

const pairIn = (lab: CaseContext, place: Topology): Pair => {
  for (const writer of lab.devices(['dma-write'])) {
    const other = lab.devices().find((device) => device.bdf !== writer.bdf && PLACES[place]?.(writer, device) === true)
    if (other !== undefined) return [writer, other]
  }
  throw new Failed(`no two devices of this machine stand ${place}`)
}

const casesOf = (place: Topology): readonly CaseDefinition[] => [
  defineCase({
    name: `${place}-number`,
    title: 'devices that the IOMMU cannot keep apart are in one group',
    needs: { iommu: 'present', access: 'any', topology: [place] },
    covers: { ioctls: [], sources: [IOMMU] },
    run: (lab) => {
      const [writer, other] = pairIn(lab, place)
      equal(other.groupNumber, writer.groupNumber, `group of ${other.toString()}, which shares it with ${writer.toString()}`)
    },
  }),
  defineCase({
    name: `${place}-owner`,
    title: 'a group has one owner: its second device is bound to the same iommufd, or to none (EPERM) until the first is closed',
    needs: { iommu: 'present', access: 'cdev', topology: [place] },
    covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: [IOMMU, IOMMUFD] },
    run: (lab) => {
      const [writer, other] = pairIn(lab, place)
      const iommu = lab.use(IommuFd.open())
      const stranger = lab.use(IommuFd.open())
      const first = openCdev(lab, writer)
      first.bind(iommu)
      const second = openCdev(lab, other)
      expectErrno('EPERM', () => second.bind(stranger))
      second.bind(iommu)
      second.fd.close()
      first.fd.close()
      openCdev(lab, other).bind(stranger)
    },
  }),
  defineCase({
    name: `${place}-space`,
    title: 'a group has one address space: its second device is attached to the same IOAS or to none (EINVAL), and reaches the memory there',
    needs: { iommu: 'present', access: 'cdev', topology: [place] },
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: [IOMMUFD] },
    run: async (lab) => {
      const [writer, other] = pairIn(lab, place)
      const { iommu, cdev } = bindCdev(lab, writer)
      const { cdev: second } = bindCdev(lab, other, iommu)
      const [ioas, elsewhere] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
      second.attach(elsewhere.id)
      expectErrno('EINVAL', () => cdev.attach(ioas.id))
      second.detach()
      cdev.attach(ioas.id)
      second.attach(ioas.id)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      ioas.map(memory, { iova: IOVA })
      // What the writer takes of the space goes before the memory of the case.
      const report = await (await dmaWriter(lab, { pci: writer, device: cdev, dma: ioasDmaSpace(ioas) })).dmaWrite(IOVA, 64)
      equalWritten(memory.bytes.slice(0, 64), report, 'memory after the DMA')
    },
  }),
  defineCase({
    name: `${place}-node`,
    title: 'a group node is opened once (EBUSY), gives every device of the group, and all of them reach the container\'s memory',
    needs: { iommu: 'present', access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], topology: [place] },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'VFIO_GROUP_SET_CONTAINER'], sources: ['drivers/vfio/group.c'] },
    run: async (lab) => {
      const [writer, other] = pairIn(lab, place)
      const open = openThroughGroup(lab, writer)
      expectErrno('EBUSY', () => openGroup(lab, other))
      const second = lab.use(open.group.device(other.bdf))
      equal(second.info().regions, open.device.info().regions, 'regions of the second device')
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = open.dma.map(memory, { iova: IOVA })
      const report = await (await dmaWriter(lab, open)).dmaWrite(address, 64)
      equalWritten(memory.bytes.slice(0, 64), report, 'memory after the DMA')
    },
  }),
]

export const sharedGroup = suite('shared-group', [
  ...(['one-group', 'multifunction', 'switch-functions'] as const).flatMap(casesOf),
  defineCase({
    name: 'port',
    title: 'behind a port with ACS a device is alone in its group, behind one without it shares the group with the port, and can be had all the same',
    needs: { iommu: 'present', access: 'any', topology: ['behind-switch'] },
    covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: [IOMMU] },
    run: (lab) => {
      const behindAny = lab.devices().filter(({ upstream }) => upstream !== undefined)
      const inSwitch = behindAny.filter((device) => behindAny.every((other) => other === device || portSlot(other) !== portSlot(device)))
      const alone = lab.devices().find((device) => device.upstream === undefined && lab.devices().every((other) => other === device || !sameBus(other, device)))
      if (alone !== undefined) equal(alone.groupMembers, [alone.bdf], `the group of ${alone.toString()}`)
      equal(new Set(inSwitch.map(({ groupNumber }) => groupNumber)).size, inSwitch.length, 'number of groups behind the switch')
      for (const device of inSwitch) {
        equal(device.groupMembers, [device.port, device.bdf].sort(), `the group of ${device.toString()}`)
        openAnyDevice(lab, device)
      }
    },
  }),
])
