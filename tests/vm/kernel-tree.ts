import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { lock } from '../../orchestrator/host/lock.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { OBJECTS_PREFIX } from '../../orchestrator/kernel/source-slot.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import type { Tools } from '../../orchestrator/toolbox/tools.ts'

/** A kernel tree of this test's own, as a developer has one: he may patch it. */
export interface KernelTree extends AsyncDisposable {
  readonly dir: string
  /** The files that a patch touches are as they were when this is disposed. */
  patched(patch: string): Promise<AsyncDisposable>
}

const never = new AbortController().signal
const silent = () => { /* a test has no terminal */ }

/** `linux-source-7.2` and the like, unpacked once per machine at a place that stays, so that what was built from it stays too. */
export const kernelTree = async (packageName: string): Promise<KernelTree> => {
  const place = cacheDir('tests', packageName)
  await mkdir(cacheDir('tests'), { recursive: true })
  await using stack = new AsyncDisposableStack()
  stack.use(await lock(`${place}.lock`))
  const tools = stack.use(await openTools('toolbox', { notice: silent, signal: never }))
  const dir = join(place, 'linux')
  if (!(await readdir(place).catch((): string[] => [])).includes('linux')) {
    const opened = await openKernelSource({ kind: 'debian', packageGlob: packageName }, { tools, signal: never, notice: silent, onText: silent })
    await using source = await opened.prepare([])
    await rm(`${place}.aside`, { recursive: true, force: true })
    // The lab's own object trees lie in there as well.
    const entries = (await readdir(source.slot.tree)).filter((name) => !name.startsWith(OBJECTS_PREFIX)).map((name) => join(source.slot.tree, name))
    await mkdir(`${place}.aside`)
    await execa('cp', ['-a', '--reflink=auto', '-t', `${place}.aside`, '--', ...entries])
    await mkdir(place, { recursive: true })
    await execa('mv', [`${place}.aside`, dir])
  }
  const held = stack.move()
  return {
    dir,
    patched: (patch) => applied(dir, patch, tools),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

const applied = async (dir: string, patch: string, tools: Tools): Promise<AsyncDisposable> => {
  await using stack = new AsyncDisposableStack()
  const { stdout } = await inTools(tools, dir, patch, ['git', 'apply', '--numstat', patch])
  const originals = `${dir}.originals`
  for (const line of stdout.split('\n')) {
    const file = line.split('\t')[2]
    if (file === undefined) continue
    await cp(join(dir, file), join(originals, file), { preserveTimestamps: true })
    stack.defer(() => cp(join(originals, file), join(dir, file), { preserveTimestamps: true }))
  }
  await inTools(tools, dir, patch, ['patch', '-p1', '--no-backup-if-mismatch', '--input', patch])
  const held = stack.move()
  return { [Symbol.asyncDispose]: () => held.disposeAsync() }
}

const inTools = (tools: Tools, dir: string, patch: string, [program, ...args]: readonly [string, ...string[]]) => {
  const command = tools.command({ program, args, cwd: dir, write: [dir], read: [patch] })
  return execa(command.file, command.args, { env: command.env, cwd: '/' })
}
