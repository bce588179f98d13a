import type { CaseInfo, Needs } from '../../../guest-agent/protocol.ts'
import type { Exclusion, ResolvedConfig } from '../../../orchestrator/config/resolved-config.ts'
import type { BuiltKernel } from '../../../orchestrator/kernel/built-kernel.ts'
import type { MachineFacts } from '../../../orchestrator/machine/machine-spec.ts'
import type { Cell } from '../../../orchestrator/plan/plan.ts'

export const labOf = (kernels: readonly string[], configs: readonly string[], machines: readonly string[], exclude: readonly Exclusion[] = []): ResolvedConfig => ({
  dir: '/lab',
  tools: 'toolbox',
  kernels: kernels.map((name) => ({ name, source: { kind: 'debian', packageGlob: 'linux-source-*' }, patches: [] })),
  baseConfig: '/lab/base.config',
  configs: configs.map((name) => ({ name, fragments: [] })),
  machines: machines.map((name) => ({ name, devices: [], memoryMiB: 1024, cpus: 1, onRequest: false })),
  suites: ['native'],
  programs: [],
  exclude,
  limits: { bootMs: 60_000, buildMs: 1000, storeBytes: 2 ** 32, sourceTrees: 8 },
})

export const aCase = (id: string, needs: Needs = {}): CaseInfo => ({
  id, suite: id.split('/')[0] ?? '', title: id, needs, covers: { ioctls: [], sources: [] }, timeoutMs: 1000, provokes: [],
})

export const kernelWith = (config: Readonly<Record<string, string>>, uapi: readonly string[] = []): BuiltKernel => ({
  status: 'built', key: 'k', release: '7.3.0', bzImage: '', dotConfig: '', modules: [], systemMap: '', vmlinux: '', facts: { config, uapi }, headers: {}, notAsked: [], warnings: [], buildMs: 0,
})

export const someCell: Cell = {
  id: 'debian/noiommu/none',
  kernel: { name: 'debian', source: { kind: 'debian', packageGlob: 'linux-source-*' }, patches: [] },
  config: { name: 'noiommu', fragments: [] },
  machine: { name: 'none', devices: [], memoryMiB: 1024, cpus: 1, onRequest: false },
}

export const NO_IOMMU: MachineFacts = { iommu: [], devices: ['edu', 'pci-testdev', 'iommu-testdev'], topology: [] }
export const INTEL: MachineFacts = { iommu: ['intel', 'interrupt-remapping', 'caching-mode'], devices: ['edu', 'pci-testdev', 'iommu-testdev'], topology: [] }
export const VIRTIO: MachineFacts = { iommu: ['virtio'], devices: ['edu'], topology: [] }
