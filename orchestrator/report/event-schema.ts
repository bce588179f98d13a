import { z } from 'zod'
import type { KernelProgress } from '../kernel/built-kernel.ts'
import type { LabEvent } from '../run/lab-event.ts'
import { cellResult, runEnd, splat } from './results-schema.ts'

const progress = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('source'), text: z.string() }),
  z.object({ phase: z.literal('configure'), config: z.string() }),
  z.object({ phase: z.literal('compile'), config: z.string(), objects: z.number() }),
  z.object({ phase: z.literal('stored'), config: z.string(), buildMs: z.number(), fromStore: z.boolean() }),
  z.object({ phase: z.literal('failed'), config: z.string(), because: z.string() }),
]) satisfies z.ZodType<KernelProgress>

const atMs = z.number()
const cell = z.string()

/** One line of events.ndjson, as it is read back. Keys that it does not know do no harm: a newer lab may have written them. */
export const labEvent = z.discriminatedUnion('event', [
  z.object({ atMs, event: z.literal('run-start'), id: z.string(), startedAt: z.iso.datetime() }),
  z.object({ atMs, event: z.literal('notice'), text: z.string() }),
  z.object({ atMs, event: z.literal('kernel-progress'), kernel: z.string(), progress }),
  z.object({
    atMs,
    event: z.literal('plan'),
    cells: z.array(z.object({ id: z.string(), planned: z.number(), absent: z.number() })),
    planned: z.number(),
    excluded: z.array(z.object({ id: z.string(), because: z.string() })),
  }),
  z.object({ atMs, event: z.literal('cell-start'), cell }),
  z.object({ atMs, event: z.literal('boot'), cell, attempt: z.number() }),
  z.object({ atMs, event: z.literal('agent-ready'), cell, afterMs: z.number() }),
  z.object({ atMs, event: z.literal('case-start'), cell, id: z.string() }),
  z.object({
    atMs,
    event: z.literal('case-end'),
    cell,
    id: z.string(),
    outcome: z.enum(['pass', 'fail', 'skip', 'timeout']),
    durationMs: z.number(),
    message: z.string().exactOptional(),
  }),
  z.object({ atMs, event: z.literal('splat'), cell, splat }),
  z.object({ atMs, event: z.literal('cell-end'), cell, result: cellResult }),
  z.object({ atMs, event: z.literal('run-end'), results: runEnd }),
]) satisfies z.ZodType<LabEvent>
