import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, matchesGlob } from 'node:path'
import { z } from 'zod'
import { cacheDir } from '../host/cache.ts'
import { LabError, yours } from '../host/errors.ts'
import { lock } from '../host/lock.ts'
import { aptArchive, type AptArchive } from './apt-archive.ts'
import { compareDebianVersions } from './debian-version.ts'
import type { OpenToolsOptions } from './open-toolbox.ts'
import type { Tools } from './tools.ts'

/** A kernel source package of Debian, on this host's disk and verified by apt. */
export interface SourcePackage {
  readonly package: string
  readonly version: string
  /** Absolute path of the .deb; its content is a tree in usr/src/<package>.tar.xz. */
  readonly debPath: string
}

const answerSchema = z.strictObject({
  askedAt: z.number(),
  package: z.string(),
  version: z.string(),
  /** All packages of this version that are fetched, when it is not the one alone. */
  parts: z.array(z.string()).readonly().exactOptional(),
})
type Answer = z.infer<typeof answerSchema>

/** Which package is meant, of all that the archive has: chosen once it was asked. */
export interface Question {
  /** Of the file that keeps the answer. */
  readonly name: string
  readonly choose: (archive: AptArchive) => Promise<Omit<Answer, 'askedAt'>>
}

/** Where the last answer is still worth something, and for how long. */
interface Memory {
  readonly freshMs: number
  /** An answer whose package was never fetched may name a version that is gone from the archive by now. */
  readonly isGood: (answer: Answer) => boolean
}

/** What was chosen, on this host's disk and verified by apt; absolute paths of the .deb files. */
export interface FetchedPackages {
  readonly package: string
  readonly version: string
  readonly debPaths: readonly string[]
}

/** How long the answer of an archive that changes daily is good without asking again. */
const FRESH_MS = 24 * 3600 * 1000
/** Sources as they are; not linux-source itself (depends on the newest), nor variants like linux-source-7.2-rt. */
const PLAIN_NAME = /^linux-source-\d+\.\d+$/

/**
 * The newest linux-source package of sid and experimental whose name matches the glob. Asked once a day;
 * without network the last answer is used, with a notice.
 * Throws yours/NO_SOURCE_PACKAGE when nothing matches, lab/NO_NETWORK when nothing was ever asked, lab/NO_SPACE, lab/TOOL_FAILED.
 */
export const debianSource = async (packageGlob: string, tools: Tools, options: OpenToolsOptions): Promise<SourcePackage> => {
  const choose = async (archive: AptArchive) => {
    const candidates = (await archive.versions('linux-source-')).filter(({ name }) => PLAIN_NAME.test(name))
    const found = newestFirst(candidates.filter(({ name }) => matchesGlob(name, packageGlob)))[0]
    if (found !== undefined) return { package: found.name, version: found.version }
    throw yours('NO_SOURCE_PACKAGE', `no source package of Debian (sid, experimental) matches ${packageGlob}`, { hint: `there are: ${namesOf(candidates)}` })
  }
  const { debPaths, ...found } = await fetchPackages({ name: packageGlob, choose }, tools, options)
  return { ...found, debPath: debPaths[0] ?? '' }
}

export interface PackageVersion {
  readonly name: string
  readonly version: string
}

export const newestFirst = (packages: readonly PackageVersion[]): readonly PackageVersion[] => packages.toSorted((a, b) => compareDebianVersions(b.version, a.version))

export const namesOf = (packages: readonly PackageVersion[]): string => [...new Set(packages.map(({ name }) => name))].toSorted().join(', ')

/** Asks Debian's archive, or remembers what it said today, and downloads what is not there yet. */
export const fetchPackages = async (question: Question, tools: Tools, options: OpenToolsOptions): Promise<FetchedPackages> => {
  const folder = archiveFolder()
  await using held = await lockArchive(options)
  const archive = aptArchive(join(folder, 'apt'), { type: 'deb', suites: ['sid', 'experimental'] }, tools, options.signal)
  const isGood = (answer: Answer) => debFiles(folder, answer).every(({ path }) => existsSync(path))
  const answer = await newest(question, { freshMs: FRESH_MS, isGood }, archive, options)
  const debs = debFiles(folder, answer)
  const missing = debs.filter(({ path }) => !existsSync(path))
  if (missing.length > 0) {
    options.notice(`downloading ${answer.package} ${answer.version} from Debian's archive`)
    await mkdir(join(folder, 'packages'), { recursive: true })
    for (const { name, path } of missing) await archive.download(name, answer.version, path)
  }
  return { package: answer.package, version: answer.version, debPaths: debs.map(({ path }) => path) }
}

const debFiles = (folder: string, { package: name, version, parts = [name] }: Answer): readonly { readonly name: string; readonly path: string }[] =>
  parts.map((part) => ({ name: part, path: join(folder, 'packages', `${part}_${encodeURIComponent(version)}.deb`) }))

/** Where all that was got from Debian's archive lies. */
export const archiveFolder = (): string => cacheDir('debian-archive')

/** One lab at a time asks and fetches. */
export const lockArchive = ({ notice, signal }: OpenToolsOptions): Promise<AsyncDisposable> =>
  lock(join(archiveFolder(), 'lock'), { signal, onWait: () => { notice('another lab is asking Debian\'s archive; waiting for it') } })

/** The remembered answer while it is worth something; otherwise the archive is asked, and without network the remembered one is used, with a notice. */
export const newest = async ({ name, choose }: Question, { freshMs, isGood }: Memory, archive: AptArchive, options: OpenToolsOptions): Promise<Answer> => {
  const answerFile = join(archiveFolder(), `${encodeURIComponent(name)}.json`)
  const known = await rememberedAnswer(answerFile)
  if (known !== undefined && isFresh(known, freshMs) && isGood(known)) return known
  try {
    await archive.update()
  } catch (error) {
    if (known === undefined || !(error instanceof LabError) || error.code !== 'NO_NETWORK') throw error
    options.notice(`Debian's archive cannot be reached; using what it said on ${new Date(known.askedAt).toISOString().slice(0, 10)}: ${known.package} ${known.version}`)
    return known
  }
  const answer = { askedAt: Date.now(), ...await choose(archive) }
  await writeFile(`${answerFile}.new`, JSON.stringify(answer))
  await rename(`${answerFile}.new`, answerFile)
  return answer
}

const isFresh = ({ askedAt }: Answer, freshMs: number): boolean => askedAt <= Date.now() && Date.now() - askedAt < freshMs

const rememberedAnswer = async (file: string): Promise<Answer | undefined> => {
  try {
    return answerSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    // Never asked, or written by another version of the lab: ask.
    return undefined
  }
}
