import { existsSync } from 'node:fs'
import { copyFile, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kernelFault, labFault, LabError } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { SourceContext } from './kernel-source.ts'
import { type MakeContext, makeIn, type MakeResult } from './make.ts'
import { type HarnessTest, LISTING_HEADER, parseTestList } from './selftest-list.ts'
import { openUapiInstall } from './uapi-install.ts'

/** What stands beside the programs of a suite, about them. */
export const RECORD = 'record.json'

const LIMIT_MS = 30 * 60_000
const LIST_LIMIT_MS = 10_000
/** Libraries of the tools, not of the tree. */
const LACKS_LIBRARY = /fatal error: (?:uuid\/uuid|sys\/capability)\.h|cannot find -l/

/** Builds one suite into `aside`. Throws kernel/NO_SELFTESTS, SELFTESTS_BUILD; lab/TOOL_MISSING, and what make throws. */
export const buildSelftests = async (tree: string, name: string, aside: string, context: SourceContext): Promise<void> => {
  const { tools, signal } = context
  const folder = `tools/testing/selftests/${name}`
  if (!existsSync(join(tree, folder, 'Makefile'))) throw kernelFault('NO_SELFTESTS', `this tree has no ${folder}`)
  await using uapi = await openUapiInstall(tree, context)
  context.onText(`building selftests/${name}`)
  const [output, listing] = [join(aside, 'output'), join(aside, 'listing')]
  await mkdir(output)
  const build = (objects: string, flags: string, what: string): Promise<MakeResult> => {
    const env = { KHDR_INCLUDES: `-isystem ${uapi.include}${flags}`, LDFLAGS: '-static' }
    const make: MakeContext = { tree, objects, tools, signal, what, timeoutMs: LIMIT_MS, read: [uapi.include, aside], env }
    return makeIn(folder, [`OUTPUT=${objects}`], [], make)
  }
  const built = await build(output, '', `building selftests/${name}`)
  if (!built.ok) {
    if (LACKS_LIBRARY.test(built.because)) throw labFault('TOOL_MISSING', `selftests/${name} cannot be built: ${built.because}`, { hint: 'the tools need the packages uuid-dev and libcap-dev', tail: built.tail })
    throw kernelFault('SELFTESTS_BUILD', built.because, { tail: built.tail })
  }
  const programs = await programsOf(output)
  // What was compiled and is no program serves twice.
  await cp(output, listing, { recursive: true })
  for (const file of programs.flatMap((program) => [program, `${program}.o`])) await rm(join(listing, file), { force: true })
  const header = join(aside, 'listing.h')
  await writeFile(header, LISTING_HEADER)
  // One that is not built with the harness has no list, and its source then no main().
  await build(listing, ` -include ${header}`, `listing selftests/${name}`).catch(ignoringFailure)
  const listed: { name: string; tests: readonly HarnessTest[] | undefined }[] = []
  for (const program of programs) {
    await copyFile(join(output, program), join(aside, program))
    listed.push({ name: program, tests: await testsOf(join(listing, program), context) })
  }
  const record = { programs: listed, config: await askedSymbols(join(tree, folder, 'config')), sources: await filesOf(join(tree, folder)) }
  for (const path of [output, listing, header]) await rm(path, { recursive: true })
  await writeFile(join(aside, RECORD), JSON.stringify(record))
}

const ignoringFailure = (error: unknown): void => {
  if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
}

/** Whatever may be executed in the folder that make wrote to. */
const programsOf = async (output: string): Promise<readonly string[]> => {
  const entries = await readdir(output, { withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name).toSorted()
  const modes = await Promise.all(files.map(async (name) => (await stat(join(output, name))).mode))
  return files.filter((_, index) => ((modes[index] ?? 0) & 0o100) !== 0)
}

/** The program writes its list to stderr and ends with 4, for skip. It is code of a tree that nobody has read: it runs in the sandbox where there is one. */
const testsOf = async (program: string, { tools, signal }: SourceContext): Promise<readonly HarnessTest[] | undefined> => {
  if (!existsSync(program)) return undefined
  const command = tools.command({ program: 'bash', args: ['-c', '"$0" -l 2>&1 || true', program], read: [program] })
  const { stdout } = await run(command, { what: `asking ${program} for its tests`, signal, timeoutMs: LIST_LIMIT_MS })
  return parseTestList(stdout.split('\n'))
}

const askedSymbols = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').flatMap((line) => /^CONFIG_(\w+)=[ym]$/.exec(line.trim())?.[1] ?? [])

const filesOf = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).toSorted()
