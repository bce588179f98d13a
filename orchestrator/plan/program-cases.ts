import type { CaseInfo, Needs } from '../../guest-agent/protocol.ts'
import { type OwnProgram, type ProgramSuite, suiteName } from '../config/program-suite.ts'
import type { KernelFacts } from '../kernel/built-kernel.ts'
import { harnessName } from '../kernel/selftest-list.ts'
import type { Selftests, SelftestsOutcome } from '../kernel/selftests.ts'
import type { MachineFacts } from '../machine/machine-spec.ts'
import { flawOf, HOLLOW_CASES } from './known-flaws.ts'
import type { PlannedCase } from './plan.ts'
import { selftestDevice, selftestNeeds } from './selftest-needs.ts'

/** A suite of programs, as it was made ready for one kernel. */
export type ReadySuite =
  | { readonly suite: Extract<ProgramSuite, { kind: 'kselftest' }>; readonly selftests: SelftestsOutcome }
  /** The folder whose files go into the guest. */
  | { readonly suite: OwnProgram; readonly folder: string; readonly files: readonly string[] }

/** What the cases of one cell depend on. */
export interface CellOfPrograms {
  readonly kernel: KernelFacts
  readonly machine: MachineFacts
  /** Milliseconds since the epoch: known flaws end one day. */
  readonly now: number
}

/** The harness gives each of its tests 30 s; what stands before and behind takes some more. */
const SELFTEST_LIMIT_MS = 45_000
const OWN_LIMIT_S = 30

/** Every case that a suite of programs has in a cell, with what it needs there. A suite that cannot be built is one case, `suite/build`. */
export const programCases = (ready: ReadySuite, cell: CellOfPrograms): readonly PlannedCase[] => {
  if ('folder' in ready) return [ownCase(ready, cell)]
  const { suite: { folder }, selftests } = ready
  const suite = suiteName(ready.suite)
  switch (selftests.status) {
    case 'built': return selftests.programs.flatMap((program) => selftestCases(suite, folder, selftests, program, cell))
    case 'failed': return [{ ...infoOf(suite, 'build', `selftests/${folder} is built from the tree`, {}, SELFTEST_LIMIT_MS), broken: selftests }]
    case 'missing': return [{ ...infoOf(suite, 'build', `selftests/${folder} is built from the tree`, {}, SELFTEST_LIMIT_MS), unfit: selftests.because }]
  }
}

const selftestCases = (
  suite: string, folder: string, selftests: Selftests, { name: program, tests }: Selftests['programs'][number], cell: CellOfPrograms,
): readonly PlannedCase[] => {
  // One that cannot be asked is run as a whole.
  const names = tests === undefined ? [undefined] : tests.map(harnessName)
  return names.map((test): PlannedCase => {
    const { needs, device, hugePages, gigaPage, sriov, memoryMiB, source, skips, caveat } = selftestNeeds(folder, program, test ?? '', cell.kernel)
    const given = device ? selftestDevice(cell.machine.devices) : undefined
    const asks = { ...needs, config: [...selftests.config, ...needs.config ?? []], ...(given === undefined ? {} : { deviceKind: needs.deviceKind ?? given }) }
    const info = infoOf(suite, test === undefined ? program : `${program}.${test}`, `${program}: ${test ?? 'all of it'}`, asks, SELFTEST_LIMIT_MS)
    const unfit = flawOf(HOLLOW_CASES, info.id, cell.now)?.because ?? skips
      ?? (source !== undefined && !selftests.sources.includes(source.path) ? source.without : undefined)
    return {
      ...info,
      ...(unfit === undefined ? {} : { unfit }),
      ...(caveat === undefined ? {} : { caveat }),
      program: {
        folder: selftests.folder,
        files: [program],
        argv: [program, ...(test === undefined ? [] : ['-r', test])],
        environment: given === undefined ? {} : { VFIO_SELFTESTS_BDF: '{bdf}' },
        ...(asks.deviceKind === undefined ? {} : { device: asks.deviceKind }),
        output: 'ktap',
        ...(test === undefined ? {} : { test }),
        hugePages, gigaPage, sriov, memoryMiB,
      },
    }
  })
}

const ownCase = ({ suite, folder, files }: Extract<ReadySuite, { folder: string }>, { machine }: CellOfPrograms): PlannedCase => {
  const wanted = suite.run.some((word) => word.includes('{bdf}'))
  const device = wanted ? suite.device ?? machine.devices[0] : undefined
  const needs: Needs = wanted ? { access: 'any', device: [], ...(device === undefined ? {} : { deviceKind: device }) } : {}
  return {
    ...infoOf(suite.name, 'run', suite.run.join(' '), needs, (suite.timeoutSeconds ?? OWN_LIMIT_S) * 1000),
    program: {
      folder, files, argv: suite.run, environment: {}, output: suite.output, hugePages: 0, gigaPage: false, sriov: false, memoryMiB: 0,
      ...(device === undefined ? {} : { device }),
    },
  }
}

const infoOf = (suite: string, name: string, title: string, needs: Needs, timeoutMs: number): CaseInfo =>
  ({ id: `${suite}/${name.replaceAll(/[^\w.+-]/g, '-')}`, suite, title, needs, covers: { ioctls: [], sources: [] }, timeoutMs, provokes: [], onRequest: true })
