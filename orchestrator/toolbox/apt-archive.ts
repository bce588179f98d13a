import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { labFault } from '../host/errors.ts'
import { run, type RunResult } from '../host/spawn.ts'
import { hostAptSettings } from './host-apt-settings.ts'
import { namingNoNetwork } from './network-fault.ts'
import { ARCHIVE_KEYRING, RECIPE } from './recipe.ts'
import type { Tools } from './tools.ts'

/** What apt shall see of Debian: packages, or source packages, of these suites. */
export interface AptScope {
  readonly type: 'deb' | 'deb-src'
  readonly suites: readonly string[]
}

/** Debian's archive as apt sees it, with a state of its own: neither the host's apt nor its lists are touched. */
export interface AptArchive {
  /** Fetches the signed indexes. Throws lab/NO_NETWORK when the archive cannot be reached. */
  update(): Promise<void>
  /** Every version of the packages whose name begins so. */
  versions(namePrefix: string): Promise<readonly { readonly name: string; readonly version: string }[]>
  /** Every version of a source package. */
  sourceVersions(name: string): Promise<readonly string[]>
  /** The packages that one needs in exactly its own version: the other parts of what is built from the same source. */
  parts(name: string, version: string): Promise<readonly string[]>
  /** Fetches one package, verified against the index, to `file`. */
  download(name: string, version: string, file: string): Promise<void>
  /** Fetches a source package, its .dsc and all files that it names, verified against the index, into `aside`. */
  downloadSource(name: string, version: string, aside: string): Promise<void>
}

/** `folder` holds apt's state and belongs to this archive alone; the caller keeps others out of it. */
export const aptArchive = (folder: string, scope: AptScope, tools: Tools, signal: AbortSignal): AptArchive => {
  const apt = async (what: string, program: string, args: readonly string[], cwd = folder): Promise<RunResult> => {
    await mkdir(folder, { recursive: true })
    const set = [...settings(folder), ...await hostAptSettings(signal)].flatMap((setting) => ['-o', setting])
    const invocation = { program, args: [...set, ...args], write: cwd === folder ? [folder] : [folder, cwd], cwd, network: true }
    try {
      return await run(tools.command(invocation), { what, signal, timeoutMs: 1_200_000, writes: [cwd] })
    } catch (error) {
      throw namingNoNetwork(error, what, new URL(RECIPE.mirror).host)
    }
  }
  return {
    update: async () => {
      await prepare(folder, scope)
      await apt('asking Debian\'s archive', 'apt-get', ['update'])
    },
    versions: async (namePrefix) => {
      const { stdout: names } = await apt('reading Debian\'s index', 'apt-cache', ['pkgnames', namePrefix])
      const found = names.split('\n').filter((name) => name !== '').toSorted()
      if (found.length === 0) return []
      const { stdout } = await apt('reading Debian\'s index', 'apt-cache', ['madison', ...found])
      return madisonRows(stdout, 'Packages')
    },
    sourceVersions: async (name) => {
      const { stdout } = await apt('reading Debian\'s index', 'apt-cache', ['madison', name])
      return madisonRows(stdout, 'Sources').filter((row) => row.name === name).map(({ version }) => version)
    },
    parts: async (name, version) => {
      const { stdout } = await apt('reading Debian\'s index', 'apt-cache', ['show', '--no-all-versions', `${name}=${version}`])
      return partsOf(stdout, version)
    },
    download: async (name, version, file) => {
      const aside = await mkdtemp(join(dirname(file), '.download-'))
      try {
        await apt(`downloading ${name} ${version}`, 'apt-get', ['download', `${name}=${version}`], aside)
        const [deb] = await readdir(aside)
        if (deb === undefined) throw labFault('TOOL_FAILED', `downloading ${name} ${version}: apt-get left no file`)
        await rename(join(aside, deb), file)
      } finally {
        await rm(aside, { recursive: true, force: true })
      }
    },
    downloadSource: async (name, version, aside) => {
      await apt(`downloading the source of ${name} ${version}`, 'apt-get', ['source', '--only-source', '--download-only', `${name}=${version}`], aside)
    },
  }
}

/** ` linux-source-7.2 | 7.2.4-1 | http://deb.debian.org/debian sid/main amd64 Packages`, one a line. */
export const madisonRows = (output: string, of: 'Packages' | 'Sources'): readonly { name: string; version: string }[] =>
  output.split('\n').flatMap((line) => {
    const [name = '', version = '', place = ''] = line.split('|').map((field) => field.trim())
    return name === '' || version === '' || !place.endsWith(` ${of}`) ? [] : [{ name, version }]
  })

/** Of a line `Depends: kmod, linux-modules-7.3-amd64 (= 7.3~rc7-1~exp1), a | b`, the names that stand alone and with this very version. */
export const partsOf = (stanza: string, version: string): readonly string[] => {
  const depends = /^Depends: (.*)$/m.exec(stanza)?.[1] ?? ''
  return depends.split(',').flatMap((one) => {
    const [, name, wanted] = /^([a-z0-9][a-z0-9.+-]*) \(= ([^)]+)\)$/.exec(one.trim()) ?? []
    return name === undefined || wanted !== version ? [] : [name]
  })
}

const prepare = async (folder: string, { type, suites }: AptScope): Promise<void> => {
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'etc/empty.d']) await mkdir(join(folder, path), { recursive: true })
  await writeFile(join(folder, 'state/status'), '')
  await writeFile(join(folder, 'etc/empty'), '')
  const options = `${type === 'deb' ? 'arch=amd64 ' : ''}signed-by=${ARCHIVE_KEYRING}`
  await writeFile(join(folder, 'etc/sources.list'), suites.map((suite) => `${type} [${options}] ${RECIPE.mirror} ${suite} main\n`).join(''))
}

const settings = (folder: string): readonly string[] => {
  const inFolder = (path: string) => join(folder, path)
  return Object.entries({
    'Dir::State': inFolder('state'),
    'Dir::State::status': inFolder('state/status'),
    'Dir::Cache': inFolder('cache'),
    'Dir::Etc::sourcelist': inFolder('etc/sources.list'),
    'Dir::Etc::sourceparts': inFolder('etc/empty.d'),
    'Dir::Etc::preferences': inFolder('etc/empty'),
    'Dir::Etc::preferencesparts': inFolder('etc/empty.d'),
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    // There is no _apt user to become in the sandbox.
    'APT::Sandbox::User': 'root',
    // Otherwise an archive that cannot be reached is only a warning.
    'APT::Update::Error-Mode': 'any',
    'APT::Update::Post-Invoke': '',
    'APT::Update::Post-Invoke-Success': '',
    'Acquire::GzipIndexes': 'true',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled': 'false',
    'Acquire::Retries': '3',
    'Acquire::http::Timeout': '20',
  }).map(([name, value]) => `${name}=${value}`)
}
