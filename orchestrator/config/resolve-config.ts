import { resolve } from 'node:path'
import { configError, type ConfigProblem } from './config-problems.ts'
import { BASE_CONFIG, findFragment } from './fragments.ts'
import { isFile } from './is-file.ts'
import { labSchema } from './lab-schema.ts'
import { isPrebuilt, OWN_CONFIG } from './own-config.ts'
import { suiteName } from './program-suite.ts'
import { suggestion } from '../host/nearest-name.ts'
import type { ConfigSpec, Exclusion, KernelSource, ResolvedConfig } from './resolved-config.ts'
import type { LabConfig, LabExclusion, LabMachine } from './lab-config.ts'
import type { MachineSpec, SlotSpec } from '../machine/machine-spec.ts'

const NAME = /^[a-z0-9][a-z0-9._+-]{0,63}$/

/**
 * A user's config with every default filled in.
 * @param value what lab.config.ts exports; anything at all
 * @param file its path, for messages
 * @param dir the folder that its relative paths start from
 * Throws LabError yours/BAD_CONFIG that lists every problem with its path in the config.
 */
export const resolveConfig = (value: unknown, file: string, dir: string): ResolvedConfig => {
  const parsed = labSchema.safeParse(value)
  if (!parsed.success) throw configError(file, parsed.error.issues.map((issue) => ({ at: issue.path, text: issue.message })))
  const lab: LabConfig = parsed.data
  const configs = resolveFragments(lab, dir)
  const problems = [...nameProblems(lab), ...configs.problems, ...deviceProblems(lab, dir), ...programProblems(lab, dir), ...exclusionProblems(lab)]
  if (problems.length > 0) throw configError(file, problems)
  return {
    dir,
    tools: lab.tools ?? 'toolbox',
    kernels: Object.entries(lab.kernels).map(([name, { source }]) => ({ name, source: resolveSource(source, dir), patches: [] })),
    baseConfig: BASE_CONFIG,
    configs: configs.resolved,
    machines: Object.entries(lab.machines).map(([name, machine]) => resolveMachine(name, machine, dir)),
    suites: (lab.suites ?? ['native']).filter((suite) => typeof suite === 'string'),
    programs: (lab.suites ?? []).filter((suite) => typeof suite !== 'string'),
    exclude: (lab.exclude ?? []).map(resolveExclusion),
    limits: {
      bootMs: (lab.limits?.bootSeconds ?? 60) * 1000,
      buildMs: (lab.limits?.buildMinutes ?? 90) * 60_000,
      storeBytes: (lab.limits?.storeGiB ?? 4) * 2 ** 30,
      sourceTrees: lab.limits?.sourceTrees ?? 8,
    },
  }
}

const nameProblems = (lab: LabConfig): readonly ConfigProblem[] =>
  (['kernels', 'configs', 'machines'] as const).flatMap((axis) => {
    const names = Object.keys(lab[axis])
    if (names.length === 0 && !(axis === 'configs' && allPrebuilt(lab))) return [{ at: [axis], text: 'must have at least one entry' }]
    const taken = axis === 'configs' && names.includes(OWN_CONFIG.name)
      ? [{ at: [axis, OWN_CONFIG.name], text: 'this name is taken: cells of prebuilt kernels have it, and a cell id must mean the same in every lab' }]
      : []
    return [...taken, ...names
      .filter((name) => !NAME.test(name))
      .map((name) => ({
        at: [axis],
        text: `${JSON.stringify(name)} is no name for a cell: use a-z 0-9 . _ + -, beginning with a letter or digit, at most 64 characters`,
      }))]
  })

const allPrebuilt = ({ kernels }: LabConfig): boolean => {
  const all = Object.values(kernels)
  return all.length > 0 && all.every(({ source }) => isPrebuilt(source))
}

const resolveFragments = (lab: LabConfig, dir: string): { readonly resolved: readonly ConfigSpec[]; readonly problems: readonly ConfigProblem[] } => {
  const problems: ConfigProblem[] = []
  const resolved = Object.entries(lab.configs).map(([name, asked]): ConfigSpec => {
    const { fragments, onRequest } = 'fragments' in asked ? asked : { fragments: asked, onRequest: false }
    return {
      name,
      fragments: fragments.flatMap((fragment, index) => {
        const found = findFragment(fragment, dir)
        if ('path' in found) return [found.path]
        problems.push({ at: ['configs', name, ...('fragments' in asked ? ['fragments'] : []), index], text: found.problem })
        return []
      }),
      ...(onRequest ? { onRequest } : {}),
    }
  })
  return { resolved, problems }
}

/** What is in the file is seen when the device is started: before kernels are built. */
const deviceProblems = (lab: LabConfig, dir: string): readonly ConfigProblem[] =>
  Object.entries(lab.machines).flatMap(([name, { devices }]) => devices.flatMap((device, index) => {
    if (device.kind !== 'vfio-user') return []
    const path = resolve(dir, device.file)
    return isFile(path) ? [] : [{ at: ['machines', name, 'devices', index], text: `there is no file ${path}` }]
  }))

const programProblems = ({ suites = [] }: LabConfig, dir: string): readonly ConfigProblem[] => {
  const names = new Set<string>()
  return suites.flatMap((suite, index): readonly ConfigProblem[] => {
    if (typeof suite === 'string') return []
    const name = suiteName(suite)
    const twice = names.has(name) ? [{ at: ['suites', index], text: `there are two suites ${name}` }] : []
    names.add(name)
    if (suite.kind !== 'program' || suite.build !== undefined) return twice
    const path = resolve(dir, suite.run[0] ?? '')
    return isFile(path) ? twice : [...twice, { at: ['suites', index, 'run'], text: `there is no file ${path}` }]
  })
}

const exclusionProblems = (lab: LabConfig): readonly ConfigProblem[] => {
  const known = {
    kernel: Object.keys(lab.kernels),
    config: [...Object.keys(lab.configs), ...(Object.values(lab.kernels).some(({ source }) => isPrebuilt(source)) ? [OWN_CONFIG.name] : [])],
    machine: Object.keys(lab.machines),
  }
  return (lab.exclude ?? []).flatMap((exclusion, index) => {
    const axes = (['kernel', 'config', 'machine'] as const).flatMap((axis) => {
      const name = exclusion[axis]
      return name === undefined ? [] : [{ axis, name }]
    })
    if (axes.length === 0) return [{ at: ['exclude', index], text: 'would exclude every cell: name a kernel, a config or a machine' }]
    return axes
      .filter(({ axis, name }) => !known[axis].includes(name))
      .map(({ axis, name }) => ({ at: ['exclude', index, axis], text: `there is no ${axis} ${name}${suggestion(name, known[axis])}` }))
  })
}

const resolveSource = (source: KernelSource, dir: string): KernelSource => {
  switch (source.kind) {
    case 'debian':
    case 'debian-image':
    case 'git-url': return source
    case 'tarball': return { ...source, file: resolve(dir, source.file) }
    case 'git':
    case 'tree': return { ...source, dir: resolve(dir, source.dir) }
    case 'prebuilt': return {
      kind: source.kind,
      bzImage: resolve(dir, source.bzImage),
      config: resolve(dir, source.config),
      ...(source.modules === undefined ? {} : { modules: resolve(dir, source.modules) }),
      ...(source.headers === undefined ? {} : { headers: resolve(dir, source.headers) }),
    }
  }
}

const resolveMachine = (name: string, machine: LabMachine, dir: string): MachineSpec => ({
  name,
  ...(machine.iommu === undefined ? {} : { iommu: machine.iommu }),
  devices: machine.devices.map((slot) => resolveSlot(slot, dir)),
  memoryMiB: machine.memoryMiB ?? 1024,
  cpus: machine.cpus ?? 1,
  onRequest: machine.onRequest ?? false,
  ...(machine.qemu === undefined ? {} : { qemu: resolve(dir, machine.qemu) }),
})

const resolveSlot = (slot: SlotSpec, dir: string): SlotSpec => (slot.kind === 'vfio-user' ? { ...slot, file: resolve(dir, slot.file) } : slot)

const resolveExclusion = ({ kernel, config, machine, because }: LabExclusion): Exclusion => ({
  ...(kernel === undefined ? {} : { kernel }),
  ...(config === undefined ? {} : { config }),
  ...(machine === undefined ? {} : { machine }),
  because,
})
