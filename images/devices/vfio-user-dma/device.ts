import { z } from 'zod'
import {
  BUFFER_BYTES, BUFFER_OFFSET, IDENTIFICATION, IDS, MSIX_PENDING_OFFSET, MSIX_TABLE_OFFSET, REGISTER, REGISTER_BAR, REGISTER_BAR_BYTES,
} from '../../../guest-agent/devices/vfio-user-dma-registers.ts'
import {
  ats, type BarMemory, type Capability, defineDevice, extendedVendorSpecific, msi, msix, pasid, pcie, pm, register32, serialNumber, vendorSpecific,
} from '../vfio-user/device.ts'
import { breakConfig, LAST_CAPABILITY, LAST_EXTENDED } from './broken-config.ts'
import { DmaUnit } from './dma-unit.ts'
import { extraBars } from './extra-bars.ts'
import { InterruptUnit } from './interrupt-unit.ts'
import { type DmaOptions, dmaOptions } from './options.ts'

/** A device that does the DMA it is told to, and can be odd in every way that a driver of VFIO may meet. */
export default defineDevice(async (given: unknown) => {
  const parsed = dmaOptions.safeParse(given ?? {})
  if (!parsed.success) throw new Error(`options of vfio-user-dma: ${z.prettifyError(parsed.error)}`)
  const options = parsed.data
  const interrupts = new InterruptUnit()
  const dma = new DmaUnit(options, (bus) => { interrupts.dmaEnded(bus) })
  const extra = await extraBars(options.bars)
  let scratch = 0
  let resets = 0
  let goneUntil = 0
  return {
    ids: IDS,
    capabilities: capabilities(options),
    intx: options.interrupts.intx,
    bars: [
      {
        index: REGISTER_BAR,
        size: REGISTER_BAR_BYTES,
        memory: bufferMemory(dma.buffer),
        registers: [
          register32(REGISTER.ID, { read: () => IDENTIFICATION }),
          register32(REGISTER.RESETS, { read: () => resets }),
          register32(REGISTER.SCRATCH, { read: () => scratch, write: (value) => { scratch = value } }),
          ...dma.registers,
          ...interrupts.registers,
          ...extra.registers,
        ],
      },
      ...extra.bars,
    ],
    onReset: (by) => {
      resets += 1
      scratch = 0
      dma.reset()
      interrupts.reset()
      extra.reset()
      // The reset of the whole machine is not one to vanish at: its firmware would not find the device.
      if (by === 'flr') goneUntil = performance.now() + options.goneAfterResetMs
    },
    brokenConfig: {
      patch: (config, writable) => { for (const breakage of options.broken) breakConfig(config, writable, breakage) },
      onRead: (_, bytes) => { if (performance.now() < goneUntil) bytes.fill(0xff) },
    },
  }
})

const capabilities = ({ interrupts, express, flr, ats: hasAts, pasidBits, broken }: DmaOptions): readonly Capability[] => [
  pm(),
  ...(broken.some((each) => each.startsWith('vendor-')) ? [vendorSpecific(new Uint8Array(5), broken.includes('vendor-beyond') ? { at: LAST_CAPABILITY } : {})] : []),
  ...(interrupts.msi === 0 ? [] : [msi({ vectors: interrupts.msi, at: 0x50 })]),
  ...(interrupts.msix === 0 ? [] : [msix({ vectors: interrupts.msix, bar: REGISTER_BAR, table: MSIX_TABLE_OFFSET, pending: MSIX_PENDING_OFFSET, at: 0x60 })]),
  ...(express ? [pcie({ flr, tlpPrefix: pasidBits !== undefined && !broken.includes('pasid-without-prefix'), at: 0x70 })] : []),
  // What it says to overlap lies behind it.
  ...(broken.includes('extended-vendor-empty') || broken.includes('extended-vendor-overlap') ? [extendedVendorSpecific(new Uint8Array(8))] : []),
  ...(express ? [serialNumber(0x1b_c0de_0001n)] : []),
  ...(hasAts ? [ats()] : []),
  ...(pasidBits === undefined ? [] : [pasid({ bits: pasidBits })]),
  ...(broken.includes('extended-vendor-beyond') ? [extendedVendorSpecific(new Uint8Array(8), { at: LAST_EXTENDED })] : []),
]

/** The second page is what the last DMA read; what lies behind it is the client's. */
const bufferMemory = (buffer: Uint8Array): BarMemory => ({
  read: (offset, into) => {
    for (const index of into.keys()) into[index] = buffer[offset + index - BUFFER_OFFSET] ?? 0
  },
  write: (offset, bytes) => {
    for (const [index, byte] of bytes.entries()) {
      const at = offset + index - BUFFER_OFFSET
      if (at >= 0 && at < BUFFER_BYTES) buffer[at] = byte
    }
  },
})
