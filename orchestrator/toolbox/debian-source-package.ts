import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { labFault } from '../host/errors.ts'
import { publishFolder } from '../host/publish.ts'
import { type AptArchive, aptArchive } from './apt-archive.ts'
import { archiveFolder, lockArchive, newest } from './debian-archive.ts'
import { compareDebianVersions } from './debian-version.ts'
import type { OpenToolsOptions } from './open-toolbox.ts'
import type { Tools } from './tools.ts'

/** A source package of a Debian release. */
export interface SourcePackageRequest {
  readonly name: string
  /** The release, e.g. `trixie`. */
  readonly suite: string
  /** What was made of this version is there: the source is not needed. */
  readonly isUsed: (version: string) => boolean
}

export interface DebianSourcePackage {
  readonly version: string
  /** The path of its .dsc, beside which lie the files that it names; fetched now unless it is there. Throws lab/NO_NETWORK, lab/TOOL_FAILED, lab/NO_SPACE. */
  fetch(): Promise<string>
}

/** A release gets a new version of a package some times a year. */
const FRESH_MS = 30 * 24 * 3600 * 1000

/** Which version of a source package the release has now; nothing is fetched yet. Throws lab/NO_NETWORK when that was never asked, lab/NO_SOURCE_PACKAGE. */
export const debianSourcePackage = async ({ name, suite, isUsed }: SourcePackageRequest, tools: Tools, options: OpenToolsOptions): Promise<DebianSourcePackage> => {
  const folder = archiveFolder()
  const archive = aptArchive(join(folder, `apt-${suite}-sources`), { type: 'deb-src', suites: [suite] }, tools, options.signal)
  const placeOf = (version: string) => join(folder, 'sources', `${name}_${encodeURIComponent(version)}`)
  const choose = async (asked: AptArchive) => {
    const version = (await asked.sourceVersions(name)).toSorted((a, b) => compareDebianVersions(b, a))[0]
    if (version === undefined) throw labFault('NO_SOURCE_PACKAGE', `Debian ${suite} has no source package ${name}`)
    return { package: name, version }
  }
  const ask = async (): Promise<string> => {
    await using held = await lockArchive(options)
    const memory = { freshMs: FRESH_MS, isGood: (answer: { version: string }) => isUsed(answer.version) || existsSync(placeOf(answer.version)) }
    return (await newest({ name: `source ${name} of ${suite}`, choose }, memory, archive, options)).version
  }
  const version = await ask()
  return {
    version,
    fetch: async () => {
      await using held = await lockArchive(options)
      const place = placeOf(version)
      if (!existsSync(place)) options.notice(`downloading the source of ${name} ${version} from Debian's archive`)
      await publishFolder(place, (aside) => archive.downloadSource(name, version, aside))
      const dsc = (await readdir(place)).find((file) => file.endsWith('.dsc'))
      if (dsc === undefined) throw labFault('TOOL_FAILED', `${place} holds no .dsc`, { hint: 'remove that folder' })
      return join(place, dsc)
    },
  }
}
