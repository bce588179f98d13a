import { z } from 'zod'
import type { JsonObject } from './machine-spec.ts'

/** What JSON can say and nothing else: it reaches a program as its argument. */
export const jsonObject = z.record(z.string(), z.json()) satisfies z.ZodType<JsonObject>
