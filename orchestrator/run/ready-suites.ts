import type { OwnProgram, ProgramSuite } from '../config/program-suite.ts'
import type { KernelSpec } from '../config/resolved-config.ts'
import { buildProgram } from '../kernel/build-program.ts'
import type { SourceContext } from '../kernel/kernel-source.ts'
import { openSelftests } from '../kernel/selftests.ts'
import type { ReadySuite } from '../plan/program-cases.ts'
import type { Tools } from '../toolbox/tools.ts'
import type { Emit } from './emit.ts'

interface Surroundings {
  readonly tools: Tools
  /** The folder of lab.config.ts. */
  readonly dir: string
  readonly signal: AbortSignal
}

/** Builds these suites for one kernel, or takes them from the cache; their files exist until `owner` is disposed. */
export const readySuites = async (
  suites: readonly ProgramSuite[], kernel: KernelSpec, { tools, dir, signal }: Surroundings, owner: AsyncDisposableStack, emit: Emit,
): Promise<readonly ReadySuite[]> => {
  const context: SourceContext = {
    tools, signal,
    notice: (text) => { emit({ event: 'notice', text }) },
    onText: (text) => { emit({ event: 'kernel-progress', kernel: kernel.name, progress: { phase: 'source', text } }) },
  }
  const ready: ReadySuite[] = []
  for (const suite of suites) {
    if (suite.kind === 'kselftest') ready.push({ suite, selftests: owner.use(await openSelftests(kernel, suite.folder, context)).outcome })
    else ready.push(await ownReady(suite, kernel, dir, context, owner))
  }
  return ready
}

const ownReady = async (suite: OwnProgram, kernel: KernelSpec, dir: string, context: SourceContext, owner: AsyncDisposableStack): Promise<ReadySuite> => {
  const { name, build, run } = suite
  if (build === undefined) return { suite, folder: dir, files: run.slice(0, 1) }
  const { folder, files } = owner.use(await buildProgram({ name, build, program: run[0] ?? '', dir, kernel }, context))
  return { suite, folder, files }
}
