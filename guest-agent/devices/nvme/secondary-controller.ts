import { Failed } from '../../case/expect.ts'
import { Layout } from '../../uapi/struct.ts'
import type { DmaPage } from '../dma-page.ts'
import type { NvmeController } from './controller.ts'
import { Opcode } from './structs.ts'

/** The list of secondary controllers: how many there are, then an entry each (NVM Express Base Specification 1.4, 5.15.2.15). */
const IDENTIFY_SECONDARY_LIST = 0x15
const FIRST_ENTRY = 32
const entry = new Layout('secondary controller entry', {
  id: 'u16', primary: 'u16', state: 'u8', reserved1: 'u8', reserved2: 'u16', function: 'u16', queues: 'u16', vectors: 'u16', reserved3: 'u16',
  reserved4: 'u64', reserved5: 'u64',
})

/** Virtualization Management (5.22): what to do, and with which resource. */
const OFFLINE = 7
const ASSIGN = 8
const ONLINE = 9
const QUEUES = 0
const VECTORS = 1 << 8

/** What the controller of a virtual function gets. */
export interface Share {
  /** Of the virtual function; the first is 1. */
  readonly number: number
  readonly queues: number
  readonly vectors: number
}

/** Lets the controller of a virtual function work: until then it has neither queues nor vectors. `answer` is a page of the primary controller's. */
export const bringOnline = async (primary: NvmeController, answer: DmaPage, { number, queues, vectors }: Share): Promise<void> => {
  await primary.succeed(0, { opcode: Opcode.IDENTIFY, data: answer.address, cdw10: IDENTIFY_SECONDARY_LIST })
  const { bytes } = answer.memory
  const found = Array.from({ length: bytes[0] ?? 0 }, (_, index) => entry.at(bytes, FIRST_ENTRY + index * entry.size)).find((each) => each.get('function') === number)
  if (found === undefined) throw new Failed(`nvme: no secondary controller has the virtual function ${number}`)
  const manage = async (action: number, count = 0) => {
    await primary.succeed(0, { opcode: Opcode.VIRTUALIZATION_MANAGEMENT, cdw10: (found.get('id') << 16) | action, cdw11: count })
  }
  await manage(OFFLINE)
  await manage(ASSIGN | QUEUES, queues)
  await manage(ASSIGN | VECTORS, vectors)
  await manage(ONLINE)
}
