import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../host/cache.ts'
import { labFault } from '../host/errors.ts'
import { publishFolder } from '../host/publish.ts'
import { openSharedFolder } from '../host/shared-folder.ts'
import { forgetFolders } from './forget-folders.ts'
import type { SourceContext } from './kernel-source.ts'
import { make } from './make.ts'

/** What user space is compiled with: `make headers_install` of a tree. While it is open nobody may remove it. */
export interface UapiInstall extends AsyncDisposable {
  /** Holds linux/, asm/... */
  readonly include: string
}

const LIMIT_MS = 30 * 60_000
const MOST_KEPT = 8
/** What they are made of; the Makefile has the version. */
const PARTS = ['Makefile', 'scripts/headers_install.sh', 'include/uapi', 'arch/x86/include/uapi', 'arch/x86/entry/syscalls'] as const

/** From the cache, or made now, which takes a minute: patches seldom change them. Throws what make throws, lab/TOOL_FAILED. */
export const openUapiInstall = async (tree: string, context: SourceContext): Promise<UapiInstall> => {
  const { tools, signal, notice, onText } = context
  const hash = createHash('sha256').update(tools.id)
  for (const part of PARTS) await hashInto(hash, tree, part)
  const folder = cacheDir('kernel', 'uapi', hash.digest('hex').slice(0, 32))
  const held = await openSharedFolder(folder, {
    signal,
    onWait: () => { notice('another lab installs the uapi headers; waiting for it') },
    make: async () => {
      await publishFolder(folder, async (aside) => {
        onText('installing the uapi headers')
        const objects = join(aside, 'objects')
        await mkdir(objects)
        const installed = await make(['headers_install', `INSTALL_HDR_PATH=${objects}/usr`], { tree, objects, tools, signal, what: 'installing the uapi headers', timeoutMs: LIMIT_MS })
        if (!installed.ok) throw labFault('TOOL_FAILED', `the uapi headers cannot be installed: ${installed.because}`, { tail: installed.tail })
      })
      await forgetFolders(cacheDir('kernel', 'uapi'), MOST_KEPT)
    },
  })
  return { include: join(folder, 'objects', 'usr', 'include'), [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
}

const hashInto = async (hash: ReturnType<typeof createHash>, tree: string, part: string): Promise<void> => {
  const path = join(tree, part)
  const inside = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined)
  const files = inside === undefined ? [path] : inside.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).toSorted()
  for (const file of files) hash.update(file.slice(tree.length)).update('\0').update(await readFile(file).catch(() => '')).update('\0')
}
