import { z } from 'zod'
import type { AgentEvent, CaseInfo } from '../../guest-agent/protocol.ts'

const LONG_TEXT = 32 * 1024
const text = z.string().max(LONG_TEXT)
const texts = z.array(z.string().max(1000)).max(1000).readonly()
/** `suite/name`: part of file names and reports. */
const caseId = z.string().regex(/^[\w.-]{1,100}\/[\w.-]{1,200}$/)
const iommuTrait = z.enum(['intel', 'amd', 'virtio', 'interrupt-remapping', 'caching-mode', 'scalable', 'first-stage', 'device-iotlb'])
const negatedTrait = z.templateLiteral(['!', iommuTrait])

const needs = z.strictObject({
  config: texts.exactOptional(),
  uapi: texts.exactOptional(),
  iommu: z.union([z.literal(['none', 'present']), z.array(z.union([iommuTrait, negatedTrait])).readonly()]).exactOptional(),
  access: z.enum(['cdev', 'group', 'any', 'none']).exactOptional(),
  device: z.array(z.enum(['bar-mmap', 'io-bar', 'dma-write', 'dma-read', 'fault-report', 'msi', 'intx'])).readonly().exactOptional(),
  deviceKind: z.enum(['edu', 'pci-testdev', 'iommu-testdev']).exactOptional(),
  devices: z.int().nonnegative().exactOptional(),
  privilege: z.array(z.enum(['CAP_SYS_RAWIO', 'CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE', 'CAP_IPC_LOCK'])).readonly().exactOptional(),
}).readonly()

const caseInfo = z.strictObject({
  id: caseId,
  suite: z.string().max(100),
  title: text,
  needs,
  covers: z.strictObject({ ioctls: texts, sources: texts }).readonly(),
  timeoutMs: z.number().positive(),
  provokes: texts,
}).readonly()

/** What an agent may say, checked strictly: it runs in a guest that the lab does not trust. */
export const agentEvent = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('hello'), protocol: z.int(), node: z.string().max(100), release: z.string().max(200), pid: z.int(),
  }).readonly(),
  z.strictObject({ event: z.literal('catalogue'), cases: z.array(caseInfo).max(10_000).readonly() }).readonly(),
  z.strictObject({ event: z.literal('case-start'), id: caseId }).readonly(),
  z.strictObject({
    event: z.literal('case-end'),
    id: caseId,
    outcome: z.enum(['pass', 'fail', 'skip', 'timeout']),
    durationMs: z.number().nonnegative(),
    message: text.exactOptional(),
    newTaint: z.int().nonnegative().exactOptional(),
    measures: z.record(z.string().max(100), z.number()).readonly().exactOptional(),
  }).readonly(),
  z.strictObject({ event: z.literal('note'), text }).readonly(),
  z.strictObject({ event: z.literal('agent-error'), message: text }).readonly(),
  z.strictObject({ event: z.literal('bye'), ran: z.int().nonnegative() }).readonly(),
])

/** The contract and what is checked must stay the same: either of these lines fails to compile when they drift apart. */
type SameAs<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
true satisfies SameAs<z.infer<typeof agentEvent>, AgentEvent>
true satisfies SameAs<z.infer<typeof caseInfo>, CaseInfo>
