import { z } from 'zod'
import type { UapiBeliefs } from '../../guest-agent/protocol.ts'

/** It becomes part of a C program: names are words and nothing else. */
const name = z.string().regex(/^[A-Za-z_]\w{0,99}$/)
const bytes = z.int().min(0).max(0xffff)
const numbers = z.record(name, z.int().min(-0x8000_0000).max(0xffff_ffff)).readonly()

export const uapiBeliefs = z.strictObject({
  structs: z.array(z.strictObject({
    name,
    size: bytes,
    fields: z.array(z.strictObject({ name, offset: bytes, bytes }).readonly()).max(100).readonly(),
  }).readonly()).max(500).readonly(),
  ioctls: numbers,
  constants: numbers,
}).readonly() satisfies z.ZodType<UapiBeliefs>
