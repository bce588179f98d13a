import { z } from 'zod'
import { CAPABILITIES, type CaseInfo, DEVICE_KINDS, IOMMU_TRAITS, PRIVILEGES, TOPOLOGIES } from '../../guest-agent/protocol.ts'

const text = z.string().max(2_000)
const texts = z.array(text).max(200).readonly()
const symbols = z.array(z.string().max(400).regex(/^!?[A-Z][A-Za-z0-9_]*(=m)?(\|!?[A-Z][A-Za-z0-9_]*(=m)?)*$/)).max(50).readonly()

const trait = z.enum(IOMMU_TRAITS)
const notTrait = z.templateLiteral(['!', trait])

const needs = z.strictObject({
  config: symbols.exactOptional(),
  uapi: symbols.exactOptional(),
  iommu: z.union([z.literal('none'), z.literal('present'), z.array(z.union([trait, notTrait])).readonly()]).exactOptional(),
  access: z.enum(['cdev', 'group', 'any', 'none']).exactOptional(),
  device: z.array(z.enum(CAPABILITIES)).readonly().exactOptional(),
  deviceKind: z.enum(DEVICE_KINDS).exactOptional(),
  besides: z.array(z.enum(DEVICE_KINDS)).readonly().exactOptional(),
  devices: z.int().min(0).max(64).exactOptional(),
  topology: z.array(z.enum(TOPOLOGIES)).readonly().exactOptional(),
  privilege: z.array(z.enum(PRIVILEGES)).readonly().exactOptional(),
}).readonly()

const pattern = z.string().min(1).max(500).refine(isPattern, 'is no regular expression')

/** One case as the agent lists it. The id goes into the guest's kernel log and into file names. */
export const caseInfo = z.strictObject({
  id: z.string().max(200).regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*\/[A-Za-z0-9][A-Za-z0-9._+-]*$/),
  suite: z.string(),
  title: text,
  needs,
  covers: z.strictObject({ ioctls: texts, sources: texts }).readonly(),
  timeoutMs: z.number().positive().max(3_600_000),
  provokes: z.array(pattern).max(50).readonly(),
  onRequest: z.literal(true).exactOptional(),
  timed: z.literal(true).exactOptional(),
}).readonly().refine(({ id, suite }) => id.startsWith(`${suite}/`), 'the id must begin with the suite') satisfies z.ZodType<CaseInfo>

function isPattern(source: string): boolean {
  try {
    new RegExp(source)
    return true
  } catch {
    return false
  }
}
