import { z } from 'zod'
import type { CellResult, Outcome, Results, Splat, SplatKind } from '../verdict/results.ts'

const outcome = z.enum(['pass', 'fail', 'skip', 'timeout', 'crash', 'not-run']) satisfies z.ZodType<Outcome>

const splatKind = z.enum([
  'panic', 'oops', 'bug', 'warning', 'kasan', 'kcsan', 'ubsan', 'lockdep', 'refcount', 'rcu-stall', 'hung-task',
  'soft-lockup', 'memory', 'taint', 'null-deref', 'gpf', 'list-corruption', 'leak',
]) satisfies z.ZodType<SplatKind>

export const splat = z.object({
  kind: splatKind,
  title: z.string(),
  atCase: z.string().nullable(),
  lines: z.array(z.string()),
}) satisfies z.ZodType<Splat>

const absent = z.object({ id: z.string(), because: z.string() })

const caseResult = z.object({
  id: z.string(),
  suite: z.string(),
  outcome,
  expected: outcome,
  unexpected: z.boolean(),
  because: z.string().exactOptional(),
  durationMs: z.number(),
  message: z.string().exactOptional(),
  console: z.array(z.string()).exactOptional(),
  attempts: z.array(z.object({ outcome, alone: z.boolean() })),
  measures: z.record(z.string(), z.number()).exactOptional(),
  timed: z.literal(true).exactOptional(),
})

export const cellResult = z.object({
  id: z.string(),
  kernel: z.object({ name: z.string(), release: z.string(), patches: z.array(z.string()) }),
  config: z.string(),
  machine: z.string(),
  status: z.enum(['ok', 'failed', 'build-failed', 'boot-failed', 'lab-error']),
  because: z.string().exactOptional(),
  timings: z.object({ buildMs: z.number(), bootMs: z.number(), agentReadyMs: z.number(), casesMs: z.number() }),
  splats: z.array(splat),
  absent: z.array(absent),
  qemu: z.string(),
  configLost: z.array(z.object({ symbol: z.string(), asked: z.string(), got: z.string(), fragment: z.string(), unmet: z.string() })),
  configNotAsked: z.array(z.object({ symbol: z.string(), asked: z.string(), fragment: z.string(), where: z.string() })),
  buildWarnings: z.array(z.string()).exactOptional(),
  tail: z.array(z.string()).exactOptional(),
  ioctls: z.record(z.string(), z.array(z.string())).exactOptional(),
  cases: z.array(caseResult),
}) satisfies z.ZodType<CellResult>

/** results.json without its cells, as the last event carries it. */
export const runEnd = z.object({
  schemaVersion: z.literal(1),
  id: z.string(),
  startedAt: z.iso.datetime(),
  durationMs: z.number(),
  accel: z.object({ used: z.enum(['kvm', 'tcg']), because: z.string() }),
  interrupted: z.boolean(),
  summary: z.object({
    cells: z.number(),
    planned: z.number(),
    ran: z.number(),
    pass: z.number(),
    fail: z.number(),
    skip: z.number(),
    timeout: z.number(),
    crash: z.number(),
    unexpected: z.number(),
  }),
  excluded: z.array(absent),
  versions: z.record(z.string(), z.string()),
}) satisfies z.ZodType<Omit<Results, 'cells'>>

export const resultsFile = z.object({ ...runEnd.shape, cells: z.array(cellResult) }) satisfies z.ZodType<Results>
