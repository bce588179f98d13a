import { glob, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LabError, labFault } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import { namingNoNetwork } from './network-fault.ts'
import { ARCHIVE_KEYRING, type Recipe, type ToolboxKind } from './recipe.ts'

/** Lines `package version`, one for each package in the toolbox. */
export const PACKAGES_FILE = 'packages.txt'

/**
 * Fills an empty folder with `root/`, the Debian system, and `packages.txt`.
 * Nothing of it needs root or a user namespace: packages are unpacked and none of their scripts is run, so every file belongs to this user.
 * Throws lab/NO_NETWORK, lab/KEYRING_TOO_OLD, lab/NO_SPACE, lab/TOOL_FAILED.
 */
export const makeToolbox = async (folder: string, { name: toolbox, recipe }: ToolboxKind, signal: AbortSignal): Promise<void> => {
  const what = `making the ${toolbox}`
  const root = join(folder, 'root')
  await mkdir(root)
  try {
    await run({ file: 'mmdebstrap', args: mmdebstrapArgs(recipe, root, join(folder, PACKAGES_FILE)) }, {
      what, signal, timeoutMs: 1_200_000, writes: [folder],
    })
  } catch (error) {
    throw namingNoNetwork(await namingOldKeyring(error, recipe), what, new URL(recipe.mirror).host)
  }
  if ((await readFile(join(folder, PACKAGES_FILE), 'utf8')).trim() === '') throw labFault('TOOL_FAILED', `${what}: mmdebstrap unpacked no package`)
  for await (const path of glob(recipe.prune, { cwd: root })) await rm(join(root, path), { recursive: true, force: true })
  for (const [link, target] of Object.entries(recipe.links)) await symlink(target, join(root, link))
  // Mount points for what the sandbox lays over them, and the users that programs look up.
  for (const path of ['usr/src', 'usr/local']) await mkdir(join(root, path), { recursive: true })
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/tmp:/bin/bash\nnobody:x:65534:65534:nobody:/tmp:/usr/sbin/nologin\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
  for (const name of ['resolv.conf', 'hosts']) {
    await rm(join(root, 'etc', name), { force: true })
    await writeFile(join(root, 'etc', name), '')
  }
}

const mmdebstrapArgs = (recipe: Recipe, root: string, packagesFile: string): readonly string[] => {
  const signedBy = `[signed-by=${ARCHIVE_KEYRING}]`
  const backports = recipe.backports.length > 0
  const pin = [`Package: ${recipe.backports.map((name) => `src:${name}`).join(' ')}`, `Pin: release n=${recipe.suite}-backports`, 'Pin-Priority: 900'].join('\\n')
  return [
    '--mode=chrootless', '--variant=extract', '--format=directory',
    '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Retries "3"', '--aptopt=Acquire::http::Timeout "20"', '--aptopt=Acquire::Languages "none"',
    ...(backports ? [`--setup-hook=mkdir -p "$1/etc/apt/preferences.d" && printf '${pin}\\n' > "$1/etc/apt/preferences.d/backports"`] : []),
    `--extract-hook=for deb in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb --show --showformat='\${Package} \${Version}\\n' "$deb"; done > '${packagesFile.replaceAll('\'', '\'\\\'\'')}'`,
    `--include=${recipe.packages.join(',')}`,
    recipe.suite, root,
    `deb ${signedBy} ${recipe.mirror} ${recipe.suite} main`,
    ...(backports ? [`deb ${signedBy} ${recipe.mirror} ${recipe.suite}-backports main`] : []),
  ]
}

const UNKNOWN_KEY = /NO_PUBKEY|EXPKEYSIG|is not signed|Missing key|couldn't be verified/

const namingOldKeyring = async (error: unknown, recipe: Recipe): Promise<unknown> => {
  if (!(error instanceof LabError) || !error.tail.some((line) => UNKNOWN_KEY.test(line))) return error
  return labFault('KEYRING_TOO_OLD', `${ARCHIVE_KEYRING} (debian-archive-keyring ${await keyringVersion()}) does not know the key that signs Debian ${recipe.suite}`, {
    hint: 'get a newer one: sudo apt-get update && sudo apt-get install debian-archive-keyring; or the package from https://packages.debian.org/sid/debian-archive-keyring by dpkg -i',
    tail: error.tail.filter((line) => UNKNOWN_KEY.test(line)).slice(-2),
    cause: error,
  })
}

const keyringVersion = async (): Promise<string> => {
  try {
    const { stdout } = await run({ file: 'dpkg-query', args: ['-W', '-f', '${Version}', 'debian-archive-keyring'] }, { what: 'asking for the keyring\'s version', cwd: dirname(ARCHIVE_KEYRING) })
    return stdout
  } catch {
    return 'of an unknown version'
  }
}
