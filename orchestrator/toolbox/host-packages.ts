import { existsSync } from 'node:fs'
import { labFault, LabError } from '../host/errors.ts'
import { findProgram } from '../host/find-program.ts'
import { run } from '../host/spawn.ts'

/** What a package of the host is needed for, and how to see that it is there. */
export interface HostPackage {
  readonly name: string
  readonly why: string
  /** A program's name, or the absolute path of a file. */
  readonly provides: string
}

/**
 * Installs with apt what the host lacks, as root or by sudo that asks no password, and says so before.
 * Throws lab/HOST_PACKAGES with the line to type when it may not, lab/NO_NETWORK or lab/TOOL_FAILED when apt fails.
 */
export const needHostPackages = async (packages: readonly HostPackage[], options: { notice: (text: string) => void; signal: AbortSignal }): Promise<void> => {
  const missing: HostPackage[] = []
  for (const entry of packages) {
    if (!await isThere(entry.provides)) missing.push(entry)
  }
  if (missing.length === 0) return

  const names = missing.map(({ name }) => name)
  const reasons = missing.map(({ name, why }) => `${name} (${why})`).join(', ')
  const typed = `apt-get install --yes --no-install-recommends ${names.join(' ')}`
  const prefix = await rootPrefix(options.signal)
  if (prefix === undefined) {
    throw labFault('HOST_PACKAGES', `this host lacks ${reasons}, and the lab may not install packages here`, { hint: `type: sudo ${typed}` })
  }
  if (await findProgram('apt-get') === undefined) {
    throw labFault('HOST_PACKAGES', `this host lacks ${reasons}, and has no apt to install them`, { hint: 'install them by the package manager of this host' })
  }
  options.notice(`installing on this host: ${reasons}`)
  const aptGet = (...args: string[]) => run(
    { file: prefix[0] ?? 'env', args: [...prefix.slice(1), 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120', ...args] },
    { what: `installing ${names.join(' ')}`, signal: options.signal, timeoutMs: 600_000, writes: ['/usr', '/var'] },
  )
  const install = () => aptGet('install', '--yes', '--no-install-recommends', ...names)
  try {
    await install()
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    // A fresh machine has no package index yet, or one that names versions that are gone.
    await aptGet('update')
    await install()
  }
}

const isThere = async (provides: string): Promise<boolean> =>
  provides.startsWith('/') && !provides.includes('/bin/') ? existsSync(provides) : await findProgram(provides) !== undefined

/** The words before `NAME=value program`, to run it as root; undefined when we may not. */
const rootPrefix = async (signal: AbortSignal): Promise<readonly string[] | undefined> => {
  if (process.getuid?.() === 0) return ['env']
  if (await findProgram('sudo') === undefined) return undefined
  try {
    await run({ file: 'sudo', args: ['-n', 'true'] }, { what: 'asking sudo', signal, timeoutMs: 10_000 })
    return ['sudo', '-n', 'env']
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof LabError) return undefined
    throw error
  }
}
