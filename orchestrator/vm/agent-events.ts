import { z } from 'zod'
import type { AgentEvent } from '../../guest-agent/protocol.ts'
import { caseInfo } from './case-info.ts'
import { uapiBeliefs } from './uapi-beliefs.ts'

const LONG_TEXT = 32 * 1024
const text = z.string().max(LONG_TEXT)
/** `suite/name`: part of file names and reports. */
const caseId = z.string().regex(/^[\w.+-]{1,100}\/[\w.+-]{1,200}$/)
/** `VFIO_DEVICE_FEATURE/DMA_BUF` */
const IOCTL = /^(VFIO|IOMMU)_\w{1,60}(\/\w{1,40})?$/
const OUTCOME = /^(ok|E[A-Z0-9]{1,20}|errno \d{1,6})$/

/** What an agent may say, checked strictly: it runs in a guest that the lab does not trust. */
export const agentEvent = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('hello'), protocol: z.int(), node: z.string().max(100), release: z.string().max(200), pid: z.int(),
  }).readonly(),
  z.strictObject({ event: z.literal('uapi'), uapi: uapiBeliefs }).readonly(),
  z.strictObject({ event: z.literal('catalogue'), cases: z.array(caseInfo).max(10_000).readonly() }).readonly(),
  z.strictObject({ event: z.literal('case-start'), id: caseId }).readonly(),
  z.strictObject({
    event: z.literal('case-end'),
    id: caseId,
    outcome: z.enum(['pass', 'fail', 'skip', 'timeout']),
    durationMs: z.number().nonnegative(),
    message: text.exactOptional(),
    newTaint: z.int().nonnegative().exactOptional(),
    ioctls: z.record(z.string().regex(IOCTL), z.array(z.string().regex(OUTCOME)).max(64).readonly()).readonly().exactOptional(),
    measures: z.record(z.string().max(100), z.number()).readonly().exactOptional(),
    program: z.strictObject({
      status: z.int().min(0).max(255).exactOptional(), signal: z.string().regex(/^SIG\w{1,20}$/).exactOptional(), cut: z.literal(true).exactOptional(),
    }).readonly().exactOptional(),
  }).readonly(),
  z.strictObject({ event: z.literal('output'), stream: z.enum(['stdout', 'stderr']), text: text.max(2_000) }).readonly(),
  z.strictObject({ event: z.enum(['plug', 'unplug']), later: z.int().min(0).max(32) }).readonly(),
  z.strictObject({ event: z.literal('note'), text }).readonly(),
  z.strictObject({ event: z.literal('agent-error'), message: text }).readonly(),
  z.strictObject({ event: z.literal('bye'), ran: z.int().nonnegative() }).readonly(),
])

/** The contract and what is checked must stay the same: this line fails to compile when they drift apart. */
type SameAs<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
true satisfies SameAs<z.infer<typeof agentEvent>, AgentEvent>
