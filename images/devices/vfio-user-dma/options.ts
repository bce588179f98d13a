import { z } from 'zod'

/** Ways in which config space can be broken; broken-config.ts says how, and docs/devices.md what QEMU and the guest make of it. */
export const BREAKAGES = [
  'capability-loop',
  'capability-in-header',
  'msix-table-outside',
  'vendor-empty',
  'vendor-overlap',
  'vendor-beyond',
  'extended-vendor-empty',
  'extended-vendor-overlap',
  'extended-vendor-beyond',
  'pasid-without-prefix',
  'no-intx-disable',
] as const

export type Breakage = typeof BREAKAGES[number]

const powerOfTwo = z.number().refine((value) => Number.isInteger(Math.log2(value)), 'must be a power of two')

const GIB = 2 ** 30

/** What the device can be asked to be. Without any option it is what the cases of the agent expect of it. */
export const dmaOptions = z.strictObject({
  /** Address bits that it can drive. */
  addressBits: z.int().min(12).max(64).default(64),
  /** What becomes of an address with more bits: the DMA is not sent, or goes to the address without them. */
  beyond: z.enum(['refuse', 'cut']).default('refuse'),
  bars: z.strictObject({
    /** A BAR of 64 bits and so many bytes; 0: none. `mmap`: it is memory that can be mapped, otherwise each access comes to the device. */
    large: z.strictObject({ bytes: powerOfTwo.min(4096).max(2 ** 62).or(z.literal(0)).default(64 * GIB), mmap: z.boolean().default(false) }).prefault({}),
    /** A BAR of which only some pages can be mapped. */
    sparse: z.boolean().default(true),
    /** Two BARs of 256 and 512 bytes, of which the second one does not begin with a page. */
    small: z.boolean().default(true),
  }).prefault({}),
  interrupts: z.strictObject({
    intx: z.boolean().default(true),
    /** Vectors; 0: no MSI. */
    msi: z.literal([0, 1, 2, 4, 8, 16, 32]).default(4),
    msix: z.int().min(0).max(256).default(8),
  }).prefault({}),
  /** A PCI Express device; otherwise one of 256 bytes of config space, without FLR and extended capabilities. */
  express: z.boolean().default(true),
  /** It can reset itself (Function Level Reset). */
  flr: z.boolean().default(true),
  ats: z.boolean().default(false),
  /** Bits of its PASIDs. */
  pasidBits: z.int().min(1).max(20).optional(),
  /** After a reset config space reads as all ones for so long, as of a device that has fallen off its bus. */
  goneAfterResetMs: z.int().min(0).max(600_000).default(0),
  broken: z.array(z.enum(BREAKAGES)).default([]),
}).refine(({ express, ats, pasidBits, broken }) => express || (!ats && pasidBits === undefined && !broken.some((each) => each.startsWith('extended-'))), {
  error: 'ats, pasidBits and what is broken of the extended capabilities need express',
}).refine(({ interrupts, broken }) => interrupts.msix > 0 || !broken.includes('msix-table-outside'), { error: 'msix-table-outside needs MSI-X' })

/** As a user gives them. */
export type DmaOptionsInput = z.input<typeof dmaOptions>

export type DmaOptions = z.output<typeof dmaOptions>
