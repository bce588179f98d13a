import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LabError, yours } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import { isPrebuilt, type KernelInput } from './kernel-input.ts'
import { openKernelSource, type SourceContext } from './kernel-source.ts'
import { openUapiInstall } from './uapi-install.ts'

export interface ProgramInput {
  readonly name: string
  /** For sh. */
  readonly build: string
  /** What it must make. */
  readonly program: string
  /** What $SRC is. */
  readonly dir: string
  readonly kernel: KernelInput
}

/** A folder with what the command left; removed when this is disposed. */
export interface BuiltProgram extends AsyncDisposable {
  readonly folder: string
  readonly files: readonly string[]
}

const LIMIT_MS = 30 * 60_000

/** Runs the user's command each time: what it reads nobody knows. Throws yours/PROGRAM_BUILD, and what opening the source throws when it asks for $UAPI. */
export const buildProgram = async ({ name, build, program, dir, kernel }: ProgramInput, context: SourceContext): Promise<BuiltProgram> => {
  const { tools, signal, onText } = context
  await using stack = new AsyncDisposableStack()
  const include = build.includes('$UAPI') ? await uapiOf(kernel, name, context, stack) : undefined
  const folder = await mkdtemp(join(tmpdir(), 'vfio-lab-program-'))
  const made = stack.adopt(folder, (path) => rm(path, { recursive: true, force: true }))
  onText(`building ${name}`)
  const command = tools.command({
    program: 'bash',
    args: ['-ec', build],
    read: [dir, ...(include === undefined ? [] : [include])],
    write: [folder],
    cwd: folder,
    env: { SRC: dir, ...(include === undefined ? {} : { UAPI: include }) },
  })
  try {
    await run(command, { what: `building ${name}`, signal, timeoutMs: LIMIT_MS, writes: [folder] })
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    throw yours('PROGRAM_BUILD', `${name} cannot be built: ${error.tail.find((line) => /error/i.test(line)) ?? error.message}`, { tail: error.tail, cause: error })
  }
  if (!existsSync(join(folder, program))) throw yours('PROGRAM_BUILD', `${name}: its build left no ${program}`, { hint: 'the build runs in a new folder; $SRC is that of lab.config.ts' })
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  const held = stack.move()
  return { folder: made, files, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

const uapiOf = async (kernel: KernelInput, name: string, context: SourceContext, owner: AsyncDisposableStack): Promise<string> => {
  if (isPrebuilt(kernel.source)) throw yours('PROGRAM_BUILD', `${name} asks for $UAPI, and the prebuilt kernel ${kernel.name} comes without a tree`)
  const opened = await openKernelSource(kernel.source, context, kernel.patches)
  await using source = await opened.prepare([])
  return owner.use(await openUapiInstall(source.slot.tree, context)).include
}
