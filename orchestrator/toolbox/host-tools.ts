import { createHash } from 'node:crypto'
import { labFault } from '../host/errors.ts'
import { findProgram, hostPath } from '../host/find-program.ts'
import { run } from '../host/spawn.ts'
import type { OpenedTools } from './open-toolbox.ts'
import { proxies } from './sandbox.ts'
import type { Blocked, MissingTool, ToolCommand, ToolInvocation } from './tools.ts'

/** Every program that the lab starts, and what it is for. */
const PROGRAMS: Readonly<Record<string, { readonly blocks: Blocked; readonly package: string }>> = {
  'qemu-system-x86_64': { blocks: 'vm', package: 'qemu-system-x86' },
  gcc: { blocks: 'kernel', package: 'gcc' },
  ld: { blocks: 'kernel', package: 'binutils' },
  make: { blocks: 'kernel', package: 'make' },
  flex: { blocks: 'kernel', package: 'flex' },
  bison: { blocks: 'kernel', package: 'bison' },
  bc: { blocks: 'kernel', package: 'bc' },
  perl: { blocks: 'kernel', package: 'perl' },
  python3: { blocks: 'kernel', package: 'python3-minimal' },
  rsync: { blocks: 'kernel', package: 'rsync' },
  git: { blocks: 'kernel', package: 'git' },
  patch: { blocks: 'kernel', package: 'patch' },
  tar: { blocks: 'kernel', package: 'tar' },
  xz: { blocks: 'kernel', package: 'xz-utils' },
  busybox: { blocks: 'image', package: 'busybox-static' },
  dropbear: { blocks: 'image', package: 'dropbear-bin' },
  'mkfs.erofs': { blocks: 'image', package: 'erofs-utils' },
  'apt-get': { blocks: 'debian-source', package: 'apt' },
}

/** How to ask for the versions that go into the results and the store's keys. */
const VERSIONED: Readonly<Record<string, readonly [program: string, ...args: readonly string[]]>> = {
  qemu: ['qemu-system-x86_64', '--version'],
  gcc: ['gcc', '--version'],
  ld: ['ld', '--version'],
  make: ['make', '--version'],
  dropbear: ['dropbear', '-V'],
  busybox: ['busybox'],
  'mkfs.erofs': ['mkfs.erofs', '--version'],
}

/** The host's own programs behind the same interface. Nothing is hidden from them; nothing is installed. */
export const openHostTools = async (signal: AbortSignal): Promise<OpenedTools> => {
  const there = new Set<string>()
  const missing: MissingTool[] = []
  for (const [program, { blocks, package: name }] of Object.entries(PROGRAMS)) {
    if (await findProgram(program) !== undefined) there.add(program)
    else missing.push({ what: `program ${program}`, why: `Debian has it in the package ${name}`, blocks })
  }
  const versions: Record<string, string> = {}
  for (const [tool, [program, ...args]] of Object.entries(VERSIONED)) {
    if (there.has(program)) versions[tool] = await firstLine(program, args, signal)
  }
  return {
    kind: 'host',
    id: createHash('sha256').update(JSON.stringify(Object.entries(versions))).digest('hex').slice(0, 16),
    versions,
    root: '/',
    missing,
    command: hostCommand,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** A program of the host as it is. env(1) changes the folder, because the folder belongs to the command and not to whoever starts it. */
export const hostCommand = ({ program, args, cwd, env, network }: ToolInvocation): ToolCommand => ({
  ...(cwd === undefined ? { file: program, args } : { file: 'env', args: ['-C', cwd, program, ...args] }),
  env: { PATH: hostPath(), LANG: 'C.UTF-8', HOME: process.env['HOME'] ?? '/tmp', ...(network === true ? proxies() : {}), ...env },
})

const firstLine = async (program: string, args: readonly string[], signal: AbortSignal): Promise<string> => {
  const { stdout, stderr } = await run(hostCommand({ program, args }), { what: `asking ${program} for its version`, signal, timeoutMs: 20_000 })
  const line = `${stdout}\n${stderr}`.split('\n').find((text) => text.trim() !== '')
  if (line === undefined) throw labFault('TOOL_FAILED', `${program} ${args.join(' ')} says nothing`)
  return line.trim()
}
