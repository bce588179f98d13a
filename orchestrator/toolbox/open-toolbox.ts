import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../host/cache.ts'
import { labFault } from '../host/errors.ts'
import { findProgram } from '../host/find-program.ts'
import { publishFolder } from '../host/publish.ts'
import { openSharedFolder } from '../host/shared-folder.ts'
import { type HostPackage, needHostPackages } from './host-packages.ts'
import { makeToolbox, PACKAGES_FILE } from './make-toolbox.ts'
import { ARCHIVE_KEYRING, debianArchitecture, recipeHash, TOOLBOX, type ToolboxKind } from './recipe.ts'
import { sandboxed, trySandbox } from './sandbox.ts'
import type { Tools } from './tools.ts'

export interface OpenToolsOptions {
  /** Told once each: what is installed or made, and why; that another lab is waited for. */
  readonly notice: (text: string) => void
  readonly signal: AbortSignal
}

/** Holds a shared lock on the toolbox while open: nobody may remove it meanwhile. */
export type OpenedTools = Tools & AsyncDisposable

const BUBBLEWRAP: HostPackage = { name: 'bubblewrap', why: 'to run programs inside the toolbox', provides: 'bwrap' }
const TO_MAKE_IT: readonly HostPackage[] = [
  { name: 'mmdebstrap', why: 'to make the toolbox', provides: 'mmdebstrap' },
  { name: 'debian-archive-keyring', why: 'to verify what goes into it', provides: ARCHIVE_KEYRING },
]

/** Packages, with their versions behind them, that no kernel and no image is made with: a newer one makes nothing old. */
const FORMS_NO_OUTPUT = /^(?:qemu-|seabios |ipxe-qemu |libjemalloc2 |libcap-dev |uuid-dev )/

/** Opens a toolbox, the usual one unless told otherwise; makes it first when it is not there. Two labs at once make one. */
export const openToolbox = async ({ notice, signal }: OpenToolsOptions, kind: ToolboxKind = TOOLBOX): Promise<OpenedTools> => {
  const folder = cacheDir('toolbox', recipeHash(kind.recipe, debianArchitecture()))
  const held = await openSharedFolder(folder, {
    signal,
    onWait: () => { notice(`another lab is making the ${kind.name}; waiting for it`) },
    make: () => make(kind, folder, { notice, signal }),
  })
  try {
    await needHostPackages([BUBBLEWRAP], { notice, signal })
    const bwrap = await findProgram('bwrap')
    if (bwrap === undefined) throw labFault('TOOL_MISSING', 'bwrap is not there although the package bubblewrap is installed')
    const root = join(folder, 'root')
    await trySandbox(bwrap, root, signal)
    const packages = await readFile(join(folder, PACKAGES_FILE), 'utf8')
    return {
      kind: 'toolbox',
      id: createHash('sha256').update(packages.split('\n').filter((line) => !FORMS_NO_OUTPUT.test(line)).toSorted().join('\n')).digest('hex').slice(0, 16),
      versions: toolVersions(packages),
      root,
      missing: [],
      command: (invocation) => sandboxed(bwrap, root, invocation),
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    }
  } catch (error) {
    await held[Symbol.asyncDispose]()
    throw error
  }
}

const make = async (kind: ToolboxKind, folder: string, { notice, signal }: OpenToolsOptions): Promise<void> => {
  await needHostPackages([...TO_MAKE_IT, BUBBLEWRAP], { notice, signal })
  notice(`making the ${kind.name}, once: ${kind.holds}, in ${folder}`)
  const startedAt = performance.now()
  await publishFolder(folder, (aside) => makeToolbox(aside, kind, signal))
  notice(`made the ${kind.name} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
}

/** The tools that form an output or a verdict, by the name one knows them by -> their Debian package. A toolbox need not have all. */
const NAMED = {
  qemu: 'qemu-system-x86', gcc: 'gcc-14', ld: 'binutils', make: 'make', libc: 'libc6', dropbear: 'dropbear-bin', busybox: 'busybox-static', 'mkfs.erofs': 'erofs-utils',
} as const

const toolVersions = (packages: string): Readonly<Record<string, string>> => {
  const versions = new Map(packages.trim().split('\n').map((line): [string, string] => {
    const [name = '', version = ''] = line.split(' ')
    return [name, version]
  }))
  return Object.fromEntries(Object.entries(NAMED).flatMap(([tool, name]) => {
    const version = versions.get(name)
    return version === undefined ? [] : [[tool, version]]
  }))
}
