import { z } from 'zod'
import { jsonOf } from '../host/json-of.ts'

const because = z.string().max(1000)

/** What the server of a device says (images/devices/vfio-user/device/report.ts), one object a line. */
export const deviceReport = z.discriminatedUnion('event', [
  z.object({ event: z.literal('listening') }),
  z.object({ event: z.literal('connected') }),
  z.object({ event: z.literal('disconnected'), because }),
  z.object({
    event: z.literal('dma'),
    /** From 1, all DMAs of the device. */
    number: z.int().positive(),
    /** From the device's place: it writes to memory, or reads it. */
    direction: z.enum(['read', 'write']),
    /** Hex. */
    address: z.string().regex(/^0x[0-9a-f]{1,16}$/),
    length: z.number(),
    /** `refused`: QEMU, and so the guest's IOMMU, did not let it pass; `not-sent`: the device did not even try. */
    outcome: z.enum(['done', 'refused', 'not-sent']),
    errno: z.int().optional(),
    code: z.string().max(40).optional(),
  }),
  z.object({ event: z.literal('reset'), by: z.enum(['client', 'flr']) }),
  /** A callback of the device threw. */
  z.object({ event: z.literal('device-error'), because }),
  /** Whatever the device itself wants on record. */
  z.looseObject({ event: z.literal('device') }),
  /** It had more to say than it may. */
  z.object({ event: z.literal('cut') }),
])

export type DeviceReport = z.infer<typeof deviceReport>

/** Undefined for a line that is none. */
export const parseReport = (line: string): DeviceReport | undefined => deviceReport.safeParse(jsonOf(line)).data
