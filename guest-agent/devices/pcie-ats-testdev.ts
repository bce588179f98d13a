import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { enableBusMaster } from './bus-master.ts'
import type { DmaReader, DmaReport, DmaWriter } from './test-device.ts'

/**
 * pcie-ats-testdev: a DMA of a page between memory and its buffer, by translations that it keeps. From COUNTERS on, the registers of the lab's
 * own model (images/devices/pcie-ats-testdev/); others have nothing there.
 */
const BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX
const ADDRESS = 0x000
const COMMAND = 0x008
const COUNTERS = 0x100
const RESULT = 0x104
const HITS = 0x108
const MISSES = 0x10c
const INVALIDATIONS = 0x110
const FAULTS = 0x114
const CACHED = 0x118
const ATS = 0x11c

const RUN = 1
const FROM_MEMORY = 2
const LABS_MODEL = 0x3143_5441
const ATS_IN_USE = 1

const BUSY = 1
const DONE = 2
const UNTRANSLATED = 3

const DMA_LIMIT_MS = 5000
/** A model that does not tell when a DMA is over has had the time for it then. */
const DMA_TIME_MS = 300

/** What the device has counted since its last reset. */
export interface AtsCounters {
  /** Pages that it reached by a translation that it had. */
  readonly hits: number
  /** Pages for which it asked the IOMMU. */
  readonly misses: number
  /** Invalidations that came, for whatever addresses. */
  readonly invalidations: number
  /** DMAs that were refused. */
  readonly faults: number
  /** Translations that it has now; one that it has for reading is not one for writing. */
  readonly cached: number
}

export class PcieAtsTestdev implements DmaWriter, DmaReader {
  readonly #lab: CaseContext
  readonly #open: OpenDevice
  readonly #counts: boolean

  constructor(lab: CaseContext, open: OpenDevice) {
    this.#lab = lab
    this.#open = open
    enableBusMaster(open.device)
    this.#counts = this.#register(COUNTERS) === LABS_MODEL
  }

  /** The guest has turned ATS on and an IOMMU translates. undefined: this model does not tell. */
  get usesAts(): boolean | undefined {
    return this.#counts ? (this.#register(ATS) & ATS_IN_USE) !== 0 : undefined
  }

  get counters(): AtsCounters {
    if (!this.#counts) throw new Failed(`${this.#open.pci.toString()} has no counters: it is not the lab's model`)
    return {
      hits: this.#register(HITS),
      misses: this.#register(MISSES),
      invalidations: this.#register(INVALIDATIONS),
      faults: this.#register(FAULTS),
      cached: this.#register(CACHED),
    }
  }

  /** Loads the buffer with a page. Was all of it translated? undefined: this model does not tell. */
  fromMemory(address: bigint): Promise<boolean | undefined> {
    return this.#transfer(address, RUN | FROM_MEMORY)
  }

  /** Writes the buffer to a page. */
  toMemory(address: bigint): Promise<boolean | undefined> {
    return this.#transfer(address, RUN)
  }

  dmaWrite = async (address: bigint, length: number): Promise<DmaReport> => {
    requirePage(length)
    const [memory, scratch] = this.#scratch()
    memory.bytes.set(PATTERN)
    await this.fromMemory(scratch)
    return { expected: PATTERN, translated: await this.toMemory(address) }
  }

  dmaRead = async (address: bigint, length: number): Promise<Uint8Array> => {
    requirePage(length)
    const [memory, scratch] = this.#scratch()
    await this.fromMemory(address)
    await this.toMemory(scratch)
    return memory.bytes.slice()
  }

  async #transfer(address: bigint, command: number): Promise<boolean | undefined> {
    const { device } = this.#open
    device.write(BAR, ADDRESS, 8, address)
    device.write(BAR, COMMAND, 4, command)
    if (!this.#counts) {
      await setTimeout(DMA_TIME_MS, undefined, { signal: this.#lab.signal })
      return undefined
    }
    const deadline = performance.now() + DMA_LIMIT_MS
    while (this.#register(RESULT) === BUSY) {
      if (performance.now() > deadline) throw new Failed(`pcie-ats-testdev did not finish a DMA within ${DMA_LIMIT_MS} ms`)
      await setTimeout(1, undefined, { signal: this.#lab.signal })
    }
    const result = this.#register(RESULT)
    if (result !== DONE && result !== UNTRANSLATED) throw new Failed(`pcie-ats-testdev ends a DMA with the result ${result}`)
    return result === DONE
  }

  #register(offset: number): number {
    return this.#open.device.read(BAR, offset, 4)
  }

  #scratch(): readonly [memory: Memory, address: bigint] {
    const memory = this.#lab.use(Memory.pages(PAGE_SIZE))
    const address = this.#open.dma.map(memory)
    this.#lab.defer(() => { this.#open.dma.unmap(address) })
    return [memory, address]
  }
}

/** No two bytes next to each other are equal, and no page of zeroes looks like it. */
const PATTERN = Uint8Array.from({ length: PAGE_SIZE }, (_, index) => (index * 11 + (index >> 8) + 1) & 0xff)

const requirePage = (length: number): void => {
  if (length !== PAGE_SIZE) throw new RangeError(`pcie-ats-testdev moves ${PAGE_SIZE} bytes, not ${length}`)
}
