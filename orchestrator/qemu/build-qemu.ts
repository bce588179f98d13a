import { copyFile, mkdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { LabError, labFault } from '../host/errors.ts'
import { run, type RunResult } from '../host/spawn.ts'
import { ATS_TESTDEV } from '../machine/ats-testdev.ts'
import { openToolbox, type OpenToolsOptions } from '../toolbox/open-toolbox.ts'
import type { ToolInvocation, Tools } from '../toolbox/tools.ts'
import { BUILD_TOOLBOX, CONFIGURE } from './build-recipe.ts'
import { addModel, modelIn } from './device-model.ts'

/** A QEMU to be built. */
export interface QemuSource {
  /** Debian's version of the source package. */
  readonly version: string
  /** The path of its .dsc; the files that it names lie beside it. */
  readonly dsc: string
}

/** The built program's name in its folder. */
export const BINARY = 'qemu-system-x86_64'

const LIMIT_MS = 2 * 3600 * 1000

/**
 * Builds QEMU with the lab's device in an empty folder, where only the program is left.
 * Throws lab/QEMU_BUILD with the last lines of what failed, or what openToolbox and host/spawn.ts throw.
 */
export const buildQemu = async (aside: string, source: QemuSource, options: OpenToolsOptions): Promise<void> => {
  const { notice, signal } = options
  await using tools = await openToolbox(options, BUILD_TOOLBOX)
  const work = join(aside, 'work')
  const tree = join(work, 'source')
  const objects = join(work, 'objects')
  await mkdir(objects, { recursive: true })
  const step = (what: string, invocation: Omit<ToolInvocation, 'write'>, onLine?: (line: string) => void) =>
    buildStep(`${what} QEMU ${source.version}`, tools, { ...invocation, write: [work] }, signal, onLine)

  notice(`building QEMU ${source.version} with ${ATS_TESTDEV}, once: about 10 minutes of CPU time`)
  const startedAt = performance.now()
  await step('unpacking', { program: 'dpkg-source', args: ['--no-copy', '--extract', source.dsc, tree], read: [dirname(source.dsc)], cwd: work })
  await addModel(tree)
  const pkgversion = `Debian ${source.version}, with ${ATS_TESTDEV} of vfio-lab`
  await step('configuring', { program: join(tree, 'configure'), args: [...CONFIGURE, `--with-pkgversion=${pkgversion}`], cwd: objects })
  const compile = (target: string) => step('compiling', { program: 'ninja', args: [`-j${availableParallelism()}`, target], cwd: objects }, progress(notice))
  // The model first: whoever works on it is told of an error in a minute.
  const model = await compile(`${relative(objects, modelIn(tree))}^`)
  const rest = await compile(BINARY)
  await copyFile(join(objects, BINARY), join(aside, BINARY))
  await rm(work, { recursive: true })
  notice(`built QEMU in ${seconds(performance.now() - startedAt)} s (compilers: ${seconds(model.cpuMs + rest.cpuMs)} s of CPU time)`)
}

const buildStep = async (what: string, tools: Tools, invocation: ToolInvocation, signal: AbortSignal, onLine?: (line: string) => void): Promise<RunResult> => {
  try {
    const watched = onLine === undefined ? {} : { onLine }
    return await run(tools.command(invocation), { what, signal, timeoutMs: LIMIT_MS, writes: [...invocation.write ?? []], ...watched })
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    throw labFault('QEMU_BUILD', `${what}, which the device ${ATS_TESTDEV} needs, failed`, {
      hint: `the lines above say why; a QEMU that has the device can be given as qemu: '/path' in lab.config.ts`,
      tail: error.tail,
      ...(error.durationMs === undefined ? {} : { durationMs: error.durationMs }),
      cause: error,
    })
  }
}

/** Tells each quarter of ninja's `[12/1534] Compiling ...`, unless all of it is little. */
const progress = (notice: (text: string) => void): ((line: string) => void) => {
  let told = 0
  return (line) => {
    const [, done = 0, all = 0] = (/^\[(\d+)\/(\d+)\] /.exec(line) ?? []).map(Number)
    const quarter = Math.floor(4 * done / all)
    if (all < 500 || quarter <= told || quarter > 3) return
    told = quarter
    notice(`compiling QEMU: ${quarter * 25} %`)
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(0)
