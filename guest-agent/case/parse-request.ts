import { type AgentRequest, CAPABILITIES, type CellFacts, DEVICE_KINDS, IOMMU_TRAITS, type LackedCapabilities, type ProgramRun, TOPOLOGIES } from '../protocol.ts'

/** A request line that is none. */
class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

/** One line of the orchestrator, checked by hand: a schema library would cost the guest its start. */
export const parseRequest = (line: string): AgentRequest => {
  const request = record(json(line), 'the request')
  if (request['list'] === true) return { list: true }
  const run = record(request['run'], 'run')
  const timeoutScale = run['timeoutScale']
  if (typeof timeoutScale !== 'number' || !(timeoutScale > 0)) throw new BadRequest('run.timeoutScale must be a number above 0')
  const programs = list(run['programs'] ?? [], 'run.programs').map((program) => programRun(record(program, 'run.programs')))
  return { run: { cases: strings(run['cases'], 'run.cases'), ...(programs.length === 0 ? {} : { programs }), cell: cellFacts(record(run['cell'], 'run.cell')), timeoutScale } }
}

const programRun = (program: Readonly<Record<string, unknown>>): ProgramRun => {
  const { id, device, hugePages, sriov, timeoutMs } = program
  if (typeof id !== 'string') throw new BadRequest('programs.id must be a string')
  if (typeof hugePages !== 'number' || typeof timeoutMs !== 'number') throw new BadRequest('programs.hugePages and programs.timeoutMs must be numbers')
  return {
    id, hugePages, timeoutMs,
    sriov: sriov === true,
    argv: strings(program['argv'], 'programs.argv'),
    environment: Object.fromEntries(Object.entries(record(program['environment'], 'programs.environment')).map(([name, value]) => [name, String(value)])),
    ...(typeof device === 'string' ? { device: member(DEVICE_KINDS, device, 'programs.device') } : {}),
  }
}

const cellFacts = (cell: Readonly<Record<string, unknown>>): CellFacts => ({
  config: Object.fromEntries(Object.entries(record(cell['config'], 'cell.config')).map(([symbol, value]) => [symbol, String(value)])),
  uapi: strings(cell['uapi'], 'cell.uapi'),
  iommu: strings(cell['iommu'], 'cell.iommu').map((trait) => member(IOMMU_TRAITS, trait, 'cell.iommu')),
  devices: strings(cell['devices'], 'cell.devices').map((kind) => member(DEVICE_KINDS, kind, 'cell.devices')),
  topology: strings(cell['topology'], 'cell.topology').map((place) => member(TOPOLOGIES, place, 'cell.topology')),
  without: lacked(record(cell['without'] ?? {}, 'cell.without')),
  vfioUserSlots: numbers(cell['vfioUserSlots'] ?? [], 'cell.vfioUserSlots'),
  ...(cell['seed'] === undefined ? {} : { seed: wholeNumber(cell['seed'], 'cell.seed') }),
})

const lacked = (without: Readonly<Record<string, unknown>>): LackedCapabilities =>
  Object.fromEntries(Object.entries(without).map(([kind, capabilities]) => [
    member(DEVICE_KINDS, kind, 'cell.without'),
    strings(capabilities, 'cell.without').map((capability) => member(CAPABILITIES, capability, 'cell.without')),
  ]))

const json = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new BadRequest('the request is no JSON', { cause: error })
  }
}

const record = (value: unknown, what: string): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadRequest(`${what} must be an object`)
  return { ...value }
}

const list = (value: unknown, what: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw new BadRequest(`${what} must be a list`)
  return value
}

const strings = (value: unknown, what: string): readonly string[] => {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) throw new BadRequest(`${what} must be a list of strings`)
  return value
}

const numbers = (value: unknown, what: string): readonly number[] => {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'number')) throw new BadRequest(`${what} must be a list of numbers`)
  return value
}

const wholeNumber = (value: unknown, what: string): number => {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new BadRequest(`${what} must be a whole number`)
  return value
}

const member = <T extends string>(members: readonly T[], value: string, what: string): T => {
  const found = members.find((each) => each === value)
  if (found === undefined) throw new BadRequest(`${what}: ${value} is unknown`)
  return found
}
