import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { Failed, equal, expectErrno, ok, rejectsErrno } from '../case/expect.ts'
import { kindsWith } from '../case/kinds.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { drive, offered } from '../devices/drive.ts'
import type { DeviceKind } from '../protocol.ts'
import { VFIO_PCI, type PciDevice } from '../pci/pci-device.ts'
import { allowVirtualFunctions, borrowVirtualFunctions, setVirtualFunctions } from '../pci/virtual-functions.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs } from '../vfio/interrupts.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { tokenDoors, uuidBytes, type TokenDoor } from '../vfio/vf-token.ts'

const {
  VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET,
  VFIO_DEVICE_FEATURE_PROBE: PROBE, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN: TOKEN,
} = VFIO
const [MINE, OTHERS] = ['bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3', '00112233-4455-6677-8899-aabbccddeeff']
const FUNCTIONS = 2
const KINDS = kindsWith(['sr-iov'])
const HIGH = 0x12_3456_7000n
const LENGTH = 512

/** One door a kind: where a cell has two, two kinds take both. */
const doorOf = (lab: CaseContext, kind: DeviceKind): TokenDoor => {
  const doors = tokenDoors(lab)
  const door = doors[KINDS.indexOf(kind) % doors.length]
  if (door === undefined) throw new Failed('this cell has no door that takes a token')
  return door
}

/** Virtual functions for the rest of the case: refused without the parameter, and once they are there until they are taken away. */
const switchOn = async (lab: CaseContext, physical: PciDevice): Promise<readonly PciDevice[]> => {
  allowVirtualFunctions(lab, false)
  await rejectsErrno('ENOENT', () => setVirtualFunctions(physical, FUNCTIONS))
  allowVirtualFunctions(lab, true)
  const functions = await borrowVirtualFunctions(lab, physical, FUNCTIONS)
  await rejectsErrno('EBUSY', () => setVirtualFunctions(physical, 1))
  return functions
}

/** A virtual function has MSI-X and no INTx, and no token of its own. */
const isFunction = ({ device }: OpenDevice): void => {
  equal(device.irqInfo(INTX).count, 0, 'INTx of a virtual function')
  ok(device.irqInfo(MSIX).count > 0, 'a virtual function must have vectors of MSI-X')
  expectErrno('ENOTTY', () => device.feature(PROBE | TOKEN))
}

/**
 * Who holds the token of the physical function opens its functions, nobody else; while one is in use the physical function wants it too.
 * Its owner can change it.
 */
const asksForToken = (open: TokenDoor, physical: PciDevice, first: PciDevice, second: PciDevice): { readonly owner: OpenDevice; readonly used: OpenDevice } => {
  const refused = (pci: PciDevice, tokens: readonly (string | undefined)[]) => {
    for (const token of tokens) expectErrno('EACCES', () => open(pci, token).device)
  }
  // Nobody knows the first token: the kernel makes it up.
  refused(first, [undefined, MINE])
  const owner = open(physical, MINE)
  refused(first, [undefined, OTHERS])
  isFunction(open(first, MINE))
  expectErrno('EINVAL', () => owner.device.feature(GET | TOKEN, new Uint8Array(16)))
  owner.device.feature(SET | TOKEN, uuidBytes(OTHERS))
  refused(physical, [undefined, MINE])
  refused(second, [undefined, MINE])
  return { owner, used: open(second, OTHERS) }
}

/** The function does its work under its owner's driver: DMA in its own address space, an interrupt of its own. */
const works = async (lab: CaseContext, owner: OpenDevice, used: OpenDevice, number: number): Promise<void> => {
  const { startFunction } = await drive(lab, owner)
  const { dmaWrite, raiseInterrupt } = await offered(owner, 'sr-iov', startFunction)(number, used)
  ok(dmaWrite !== undefined || raiseInterrupt !== undefined, 'the driver of a virtual function must do something')
  if (dmaWrite !== undefined) {
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const report = await dmaWrite(used.dma.map(memory, { iova: HIGH }), LENGTH)
    equalWritten(memory.bytes.slice(0, LENGTH), report, 'memory that the virtual function wrote to')
  }
  if (raiseInterrupt !== undefined) {
    const event = lab.use(new EventFd())
    connectIrqs(used.device, MSIX, [event])
    await raiseInterrupt(0)
    equal(await event.wait(2000, lab.signal), 1, 'events of the first vector of the virtual function')
  }
}

export const srIov = suite('sr-iov', KINDS.map((kind) => defineCase({
  name: kind,
  title: `virtual functions of ${kind} come when they are asked for and allowed, open with their owner's token only, and do their work`,
  needs: { access: 'any', deviceKind: kind, device: ['sr-iov'], config: ['PCI_IOV'] },
  covers: {
    ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD', 'VFIO_DEVICE_FEATURE'],
    sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci.c', 'drivers/vfio/device_cdev.c', 'drivers/vfio/group.c'],
  },
  // Switching them off takes the kernel a second, each reset of a function a tenth.
  timeoutMs: 10_000,
  run: async (lab) => {
    const physical = lab.device(kind)
    const functions = await switchOn(lab, physical)
    const [first, second] = functions
    if (first === undefined || second === undefined) throw new Failed(`${functions.length} virtual functions of ${FUNCTIONS}`)
    for (const each of functions) equal(each.driver, VFIO_PCI, `driver of ${each.toString()}`)
    const { owner, used } = asksForToken(doorOf(lab, kind), physical, first, second)
    await works(lab, owner, used, functions.indexOf(used.pci) + 1)
    owner.device.close()
    isFunction(used)
    equal(used.device.info().flags & VFIO_DEVICE_FLAGS_RESET, VFIO_DEVICE_FLAGS_RESET, 'the flag that a virtual function can be reset')
    used.device.reset()
  },
})))
