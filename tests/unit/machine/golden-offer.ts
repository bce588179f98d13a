import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { QemuOffer } from '../../../orchestrator/machine/qemu-offer.ts'

const names = z.array(z.string()).transform((all) => new Set(all))
const offer = z.object({ version: z.string(), devices: names, properties: z.record(z.string(), names).transform((all) => new Map(Object.entries(all))) })

/** What Debian's QEMU of that release says that it has: bookworm's 7.2, trixie's 10.0, and 11.1 of its backports. */
export const goldenOffer = (release: '7.2' | '10.0' | '11.1'): QemuOffer =>
  offer.parse(JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'golden', 'qemu-offers', `${release}.json`), 'utf8')))
